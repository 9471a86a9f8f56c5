"""Things that may happen once: a sign-in code used, a session ended. Kept in a folder of files."""

import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from euthymia.ground.errors import AccessError

KEPT: Final = timedelta(days=35)
_TOKEN_ID: Final = re.compile(r"[0-9a-f]{16,64}")
_MARK: Final = re.compile(r"[0-9a-f]{16,64}\.([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class Once:
    """A folder in which each used token leaves an empty file, ``ID.SECOND``.

    The second is the one at which the token expires by itself. A token is signed with its id and
    its expiry, so one id has one name here. All is in the name: there is no byte in the file that
    could be damaged, and a copy or a restore that loses file times loses nothing.

    Making a file that must not exist yet is atomic over threads and processes, and the file
    outlives the process, so that a link redeemed before a crash is not redeemable after it. Files
    are `kept` for some weeks after that second: a clock that ran ahead and is put right, or one
    that is set back, brings no used link back.
    """

    folder: Path
    kept: timedelta = KEPT

    def redeem(self, token_id: str, expires_at: int) -> bool:
        """Mark a token as used, durably; False if it was used before."""
        path = self._path(token_id, expires_at)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return False
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return True

    def mark(self, token_id: str, expires_at: int, now: datetime) -> bool:
        """Do as `redeem` for what expires within minutes: not durable, and tidied up by itself."""
        path = self._path(token_id, expires_at)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileNotFoundError:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            return self.mark(token_id, expires_at, now)
        except FileExistsError:
            return False
        os.close(handle)
        if path.name[:2] == "00":  # one in 256 sweeps for all
            self.tidy(now)
        return True

    def used(self, token_id: str, expires_at: int) -> bool:
        """Tell whether a token was used up."""
        return self._path(token_id, expires_at).exists()

    def tidy(self, now: datetime) -> int:
        """Forget tokens that expired by themselves so long ago; return how many."""
        second = int((now - self.kept).timestamp())
        gone = 0
        for path in self.folder.iterdir():
            mark = _MARK.fullmatch(path.name)
            if mark is not None and int(mark[1]) < second:
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def _path(self, token_id: str, expires_at: int) -> Path:
        if expires_at < 0 or not _TOKEN_ID.fullmatch(token_id):
            raise AccessError("the token's id is not one this clinic writes")
        return self.folder / f"{token_id}.{expires_at}"
