"""GIMP in a window on a screen of its own, worked by keys."""

import re
import subprocess
import time


class Window:
    """A screen with a window manager and GIMP on it.

    Parameters
    ----------
    gimp_root : GimpRoot
        Where GIMP is.
    profile : Path
        Its profile folder.
    pictures : list of Path
        What to open, as files of the gimp_root.
    """

    def __init__(self, gimp_root, profile, pictures, size="1280x900"):
        self.gimp_root = gimp_root
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.screen = gimp_root.start(
            ["Xvfb", "-displayfd", "1", "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
            stderr=subprocess.DEVNULL,
        )
        display = f":{self.screen.stdout.readline().strip()}"  # the first that is free
        self.environment = {"DISPLAY": display, "GIMP3_DIRECTORY": gimp_root.inside(profile)}
        prepare(gimp_root, profile)
        self.manager = gimp_root.start(["openbox"], env=self.environment, **quiet)
        wait(
            lambda: "window id" in self._ask("xprop", "-root", "_NET_SUPPORTING_WM_CHECK"),
            "the window manager",
        )
        self.log = (gimp_root.base / "gimp.log").open("w")
        names = [gimp_root.inside(picture) for picture in pictures]
        self.gimp = gimp_root.start(
            ["gimp-3", "--no-splash", "--new-instance", *names], env=self.environment, stdout=self.log
        )
        self.image = wait(lambda: self.find(r"GIMP$"), "GIMP's window", 90)

    def _ask(self, *words):
        return self.gimp_root.run(words, env=self.environment, check=False)

    def tool(self, *words, check=True):
        return self.gimp_root.run(["xdotool", *words], env=self.environment, check=check).strip()

    def windows(self):
        """Visible windows: number to title."""
        numbers = self.tool("search", "--onlyvisible", "--name", ".", check=False).split()
        titles = {}
        for number in numbers:
            if number.isdigit():
                title = self.tool("getwindowname", number, check=False)
                if "X Error" not in title and title:
                    titles[number] = title
        return titles

    def find(self, pattern):
        return next((n for n, title in self.windows().items() if re.search(pattern, title)), None)

    def keys(self, window, *keys):
        self.tool("windowactivate", "--sync", window)
        for key in keys:
            self.tool("key", "--clearmodifiers", key)
            time.sleep(0.25)

    def picture(self, window, target):
        """Screenshot of a window ("root": of the screen) as a PNG file of the gimp_root."""
        self.gimp_root.run(
            ["import", "-silent", "-window", window, self.gimp_root.inside(target)], env=self.environment
        )
        return target

    def close(self):
        for child in (self.gimp, self.manager, self.screen):
            child.terminate()
        for child in (self.gimp, self.manager, self.screen):
            try:
                child.wait(10)
            except Exception:
                child.kill()
        self.log.close()


def prepare(gimp_root, profile):
    """Settings that keep GIMP from asking and from changing what it loads."""
    version = re.search(r"3\.\d+\.\d+", gimp_root.run(["gimp-console-3", "--version"])).group()
    (profile / "gimprc").write_text(
        f'(config-version "{version}")\n(show-welcome-dialog no)\n(check-updates no)\n'
        "(color-profile-policy keep)\n(metadata-rotation-policy keep)\n(save-session-info no)\n"
    )


def wait(look, what, seconds=30):
    """Wait until `look` finds something, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come within {seconds} s")
