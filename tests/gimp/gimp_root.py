"""A place where GIMP 3 can be run: this machine, or a folder with a Debian that has it."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import uuid
from pathlib import Path

import numpy as np

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("CLODE_GIMP_ROOT") or Path.home() / ".cache" / "clode-gimp-root")
_OURS = {"CLODE_GIMP_ROOT", "GIMP3_DIRECTORY", "XDG_RUNTIME_DIR", "PYTHONPATH", "DISPLAY", "LANG", "LC_ALL"}


def find_room():
    """The gimp_root, or None where there is no GIMP 3."""
    if (FOLDER / "usr/bin/gimp-console-3").exists() and os.getuid() == 0:
        return MountedRoom(FOLDER) if _can_mount() else CopiedRoom(FOLDER)
    if shutil.which("gimp-console-3"):
        return GimpRoot()
    return None


def _can_mount():
    attempt = "mount -t proc proc /proc && mount --bind /dev /dev"
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", attempt]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def environment_of_this_python():
    """Folders and files that the Python which runs the tests consists of, outermost first."""
    wanted = [CHECKOUT, Path(sys.prefix), Path(os.path.realpath(sys.executable))]
    wanted += [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    wanted += [Path(entry) for entry in sys.path if Path(entry).name == "site-packages"]  # borrowed ones too
    if sys.base_prefix not in ("/usr", "/usr/local"):
        wanted.append(Path(sys.base_prefix))
    library = sysconfig.get_config_var("INSTSONAME") or ""
    if ".so" in library:
        wanted.append(Path(sysconfig.get_config_var("LIBDIR")) / library)
    found = [path for path in dict.fromkeys(wanted) if path.exists()]
    return [path for path in found if not any(other in path.parents for other in found)]


class GimpRoot:
    """GIMP of this machine."""

    root = Path("/")

    def __init__(self):
        if self.root != Path("/"):
            self._alone = (self.root / ".in-use").open("w")
            fcntl.flock(self._alone, fcntl.LOCK_EX)  # another test run ends first
            # What screens and workers of a killed run left in its own /tmp.
            for left in (self.root / "tmp").iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        self.base = self.root / "tmp" / f"clode-{uuid.uuid4().hex[:8]}"
        self.base.mkdir(parents=True)
        self._children = []

    @property
    def interpreter(self):
        """The Python that runs the tests, by the name that it has in the gimp_root."""
        if self.root == Path("/"):
            return sys.executable
        # An environment's python leads through /usr/bin/python3, which is another one in there.
        script = self.base / "this-python"
        if not script.exists():
            real = os.path.realpath(sys.executable)
            script.write_text(f'#!/bin/bash\nexec -a "{sys.executable}" "{real}" "$@"\n')
            script.chmod(0o755)
        return self.inside(script)

    def inside(self, path):
        """The name that a file of the gimp_root has inside it."""
        return "/" + str(Path(path).relative_to(self.root))

    def command(self, words):
        return words

    def start(self, words, **settings):
        """Start a program in the gimp_root."""
        environment = {key: value for key, value in os.environ.items() if key not in _OURS}
        environment |= {"HOME": self.inside(self.base), "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        environment |= {"OMP_WAIT_POLICY": "PASSIVE", "NO_AT_BRIDGE": "1", "GIO_USE_VFS": "local"}
        environment |= {key: str(value) for key, value in settings.pop("env", {}).items()}
        settings = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
        } | settings
        words = ["env", "-i", *[f"{key}={value}" for key, value in environment.items()], *map(str, words)]
        child = subprocess.Popen(
            self.command(words), text=True, errors="replace", start_new_session=True, **settings
        )
        self._children.append(child)
        return child

    def run(self, words, timeout=120, check=True, **settings):
        """Run a program in the gimp_root; returns what it printed."""
        child = self.start(words, **settings)
        try:
            printed, _ = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            printed, _ = child.communicate()
            raise AssertionError(f"{words[0]} did not end within {timeout} s:\n{printed}") from None
        assert not check or child.returncode == 0, f"{words} ended with {child.returncode}:\n{printed}"
        return printed

    def processes(self):
        """Process numbers, as the gimp_root counts them, and their command lines."""
        printed = self.run(["ps", "-eo", "pid=,stat=,args="])
        rows = (line.split(None, 2) for line in printed.splitlines())
        return {int(row[0]): row[2] for row in rows if len(row) == 3 and not row[1].startswith("Z")}

    def close(self):
        """Leave nothing behind."""
        for child in self._children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            for stream in (child.stdout, child.stdin):
                if stream is not None:
                    stream.close()
        self.stop()
        shutil.rmtree(self.base, ignore_errors=True)
        if self.root != Path("/"):
            self._alone.close()

    def stop(self):
        pass

    def left_behind(self):
        """Mounts and processes in the folder, of which there should be none after `close`."""
        if self.root == Path("/"):
            return []
        mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if f" {self.root}/" in line]
        return mounts + list(processes_in(self.root))


def processes_in(root):
    """Number and command line of each process that has a folder as its root."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if os.readlink(entry / "root") == str(root) and words[0]:
                    yield int(entry.name), b" ".join(words).decode(errors="replace")
            except OSError:
                continue


class MountedRoom(GimpRoot):
    """A folder with its own mounts and processes, both gone when the gimp_root is closed."""

    def __init__(self, root):
        self.root = root.resolve()
        super().__init__()
        lines = ["set -e", 'mount -t proc proc "$0/proc"', 'mount --bind /dev "$0/dev"']
        lines += ['mkdir -p "$0/dev/shm"', 'mount -t tmpfs tmpfs "$0/dev/shm"']
        for path in environment_of_this_python():
            make = f'mkdir -p "$0{path}"'
            if path.is_file():
                make = f'mkdir -p "$0{path.parent}"; touch "$0{path}"'
            lines += [make, f'mount --rbind "{path}" "$0{path}"']
        lines += ['exec chroot "$0" sh -c "echo ready; exec sleep infinity"']
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"]
        self._keeper = subprocess.Popen(
            [*enter, "bash", "-c", "\n".join(lines), self.root],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said = self._keeper.stdout.readline()
        assert said == b"ready\n", f"no gimp_root for GIMP: {said + self._keeper.stdout.read()}"
        children = Path(f"/proc/{self._keeper.pid}/task/{self._keeper.pid}/children").read_text().split()
        self._first = children[0]

    def command(self, words):
        return ["nsenter", "--target", self._first, "--mount", "--pid", "--root", "--wd=/", *words]

    def stop(self):
        self._keeper.kill()
        self._keeper.wait()
        self._keeper.stdout.close()


class CopiedRoom(GimpRoot):
    """A folder entered by chroot alone, where nothing can be mounted: this Python is linked into it."""

    def __init__(self, root):
        self.root = root.resolve()
        super().__init__()
        for path in environment_of_this_python():
            target = Path(f"{self.root}{path}")
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            link = ["cp", "-a", "--link", "--force", "--no-target-directory", path, target]
            if subprocess.run(link, capture_output=True, check=False).returncode:
                copy = ["cp", "-a", "--force", "--no-target-directory", path, target]
                subprocess.run(copy, check=True)

        # torch asks these files what the processor can do
        for name in (
            "proc/cpuinfo",
            *(f"sys/devices/system/cpu/{k}" for k in ("possible", "present", "online")),
        ):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text((Path("/") / name).read_text())

    def command(self, words):
        return ["chroot", self.root, *words]

    def processes(self):
        for child in self._children:
            child.poll()  # nobody else in here would notice that one was killed
        return dict(processes_in(self.root))

    def stop(self):
        for _ in range(50):
            mine = list(processes_in(self.root))
            for pid, _line in mine:
                os.kill(pid, signal.SIGKILL)
            if not mine:
                return
            time.sleep(0.1)


def dark_picture(height, width):
    """A dark float32 RGBA picture (Y, X, 4) with some noise and a bright corner."""
    random = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width]
    light = np.stack([0.08 + 0.05 * np.sin(x / 9), 0.1 + 0.04 * np.cos(y / 7), 0.04 + x / (9 * width)], -1)
    light[: height // 4, : width // 4] += 0.5
    light = np.clip(light + random.normal(0, 0.01, light.shape), 0, 1)
    alpha = np.clip(0.2 + 0.9 * y / height, 0, 1)
    return np.dstack([light, alpha]).astype(np.float32)
