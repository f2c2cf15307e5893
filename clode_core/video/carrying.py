"""What a video holds besides its picture: sound, subtitles, chapters and attachments, carried over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av import AudioStream, Packet
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

_SOUND = {"webm": "libopus", "avi": "libmp3lame"}
"""Encoders for sound that a container cannot hold; AAC for the others."""
_RATES = {"libopus": (48000,), "libmp3lame": (32000, 44100, 48000)}
_BIT_RATE = 96_000  # for each channel
_ATTACHING = ("matroska",)
_UNTAGGED = {"DURATION", "BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "ENCODER", "HANDLER_NAME", "VENDOR_ID"}
"""Tags that describe the old file and not what it holds."""


def kept_tags(stream: Stream) -> dict[str, str]:
    """Tags of a stream that are still true in another file: language, title and others."""
    tags = {k: v for k, v in stream.metadata.items() if k.split("-")[0].upper() not in _UNTAGGED}
    return {k: v for k, v in tags.items() if not k.startswith("_STATISTICS")}


class _Transcoder:
    """Sound, decoded and compressed anew for a container that cannot hold it as it is."""

    def __init__(self, source: AudioStream, output: OutputContainer, encoder: str) -> None:
        import av

        context = source.codec_context
        rates = _RATES.get(encoder)
        rate = context.sample_rate if rates is None or context.sample_rate in rates else rates[-1]
        layout = self._layout(encoder, context.layout.name, rate)
        stream = output.add_stream(encoder, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)  # so are all encoders named here
        self.stream = stream
        made = stream.codec_context
        made.bit_rate = _BIT_RATE * len(made.layout.channels)
        made.open(strict=False)
        self._resampler = av.AudioResampler(made.format, made.layout, rate, made.frame_size or 1024)

    @staticmethod
    def _layout(encoder: str, wanted: str, rate: int) -> str:
        """The layout of the source, or stereo if the encoder does not have it."""
        import av

        trial = av.CodecContext.create(encoder, "w")
        assert isinstance(trial, av.AudioCodecContext)
        trial.sample_rate, trial.layout = rate, wanted
        formats = av.Codec(encoder, "w").audio_formats or []
        trial.format = formats[0]
        try:
            trial.open()
        except (ValueError, av.error.FFmpegError):
            return "stereo"
        return wanted

    def __call__(self, packet: Packet[Any] | None) -> Iterable[Packet[Any]]:
        """Packets for one of the source; None at the end."""
        import av

        try:
            frames: list[Any] = list(packet.decode()) if packet is not None else [None]
        except av.error.FFmpegError:
            return
        for frame in frames:
            for ready in self._resampler.resample(frame):
                yield from self.stream.encode(ready)
        if packet is None:
            yield from self.stream.encode(None)


class OtherStreams:
    """Streams of a source besides its picture, in an output that has not begun to be written.

    Parameters
    ----------
    source : InputContainer
        Where they come from.
    picture : Stream
        The stream of the picture.
    output : OutputContainer
        Where they go.
    container : str
        FFmpeg's name of its format.
    supported : set of str
        Codecs that it holds; empty if it does not say.

    Attributes
    ----------
    carried : list of Stream
        Streams of the source whose packets are to be handed to `carry`.
    left_out : list of str
        What cannot be kept, in words.
    transcoded : list of str
        Sound that was compressed anew, in words.
    """

    def __init__(
        self,
        source: InputContainer,
        picture: Stream,
        output: OutputContainer,
        container: str,
        supported: set[str],
    ) -> None:
        self.output = output
        self.container = container
        self.supported = supported
        self.carried: list[Stream] = []
        self.left_out: list[str] = []
        self.transcoded: list[str] = []
        self._copies: dict[int, Stream] = {}
        self._transcoders: dict[int, _Transcoder] = {}
        chapters = source.chapters()
        for stream in source.streams:
            if stream.index != picture.index:
                self._take(stream, bool(chapters))
        if chapters and container in ("mp4", "mov", "matroska", "webm"):
            output.set_chapters(chapters)
        elif chapters:
            self.left_out.append("chapters")

    def _take(self, stream: Stream, chapters: bool) -> None:
        """Carry a stream over in the way that the container allows."""
        name = stream.codec_context.name if stream.codec_context is not None else "unknown"
        if stream.type == "audio" and name != "unknown":
            self._take_sound(stream, name)
        elif stream.type == "subtitle" and name != "unknown" and self._holds(name):
            self._copy(stream)
        elif stream.type == "attachment" and self.container in _ATTACHING:
            tags = stream.metadata
            content = bytes(getattr(stream, "data", None) or b"")
            self.output.add_attachment(
                tags.get("filename", "attachment"), tags.get("mimetype", "application/octet-stream"), content
            )
        elif not (stream.type == "data" and chapters):  # MP4 and MOV name their chapters in such a stream
            words = {"attachment": stream.metadata.get("filename", name), "video": "second picture"}
            self.left_out.append(f"{stream.type} ({words.get(stream.type, name)})")

    def _holds(self, name: str) -> bool:
        if self.container == "mp4" and name.startswith("pcm_"):
            return False  # allowed since 2020, but hardly a player plays it
        return not self.supported or name in self.supported

    def _take_sound(self, stream: Stream, name: str) -> None:
        if self._holds(name):
            self._copy(stream)
            return
        encoder = _SOUND.get(self.container, "aac")
        made = _Transcoder(stream, self.output, encoder)  # type: ignore[arg-type]
        made.stream.metadata.update(kept_tags(stream))
        made.stream.disposition = stream.disposition
        self._transcoders[stream.index] = made
        self.carried.append(stream)
        self.transcoded.append(f"sound ({name}) as {encoder.removeprefix('lib')}")

    def _copy(self, stream: Stream) -> None:
        made = self.output.add_stream_from_template(stream)
        made.metadata.update(kept_tags(stream))
        made.disposition = stream.disposition
        self._copies[stream.index] = made
        self.carried.append(stream)

    def carry(self, packet: Packet[Any]) -> None:
        """Write a packet of the source."""
        index = packet.stream.index
        if index in self._transcoders:
            for made in self._transcoders[index](packet):
                self.output.mux(made)
            return
        packet.stream = self._copies[index]
        self.output.mux(packet)

    def finish(self) -> None:
        """Write what encoders still hold."""
        for transcoder in self._transcoders.values():
            for made in transcoder(None):
                self.output.mux(made)
