"""A worker whose words are no protocol: it knows the key, and answers with noise."""

import sys
from multiprocessing.connection import Listener

from clode_core.worker.link.place import SOCKET, write_endpoint

folder = sys.argv[sys.argv.index("--folder") + 1]
key = b"k" * 32
with Listener(f"{folder}/{SOCKET}", "AF_UNIX", authkey=key) as listener:
    write_endpoint(folder, f"{folder}/{SOCKET}", key)
    with listener.accept() as connection:
        connection.recv_bytes()
        connection.send_bytes(b"\x80\x04 this is no frame")
        connection.poll(10)
