"""Offers every piece of a torrent to its peers, and sends other bytes for each that is asked for: liar.py HOMES ADDRESS…

Says `lied` once a piece was asked for. The torrent is one that a host just fetches, as whoever has got into one of them would find it.
"""

import glob
import hashlib
import re
import socket
import struct
import sys
import threading
import time

PORTS = range(6881, 6885)


def found(homes):
    """Waits for a torrent; gives its hash and how many pieces it has."""
    while True:
        for name in glob.glob(homes + "/*/root/.coalmine/swarm.*/torrent"):
            try:
                with open(name, "rb") as file:
                    torrent = file.read()
            except FileNotFoundError:
                continue
            pieces = re.search(rb"6:pieces(\d+):", torrent)
            if pieces and torrent.endswith(b"7:privatei1eee"):
                info = torrent[torrent.index(b"4:info") + 6 : -1]
                return hashlib.sha1(info).digest(), int(pieces[1]) // 20
        time.sleep(0.01)


def read(stream, length):
    data = b""
    while len(data) < length:
        more = stream.recv(length - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def lie(stream, torrent, pieces):
    stream.settimeout(5)
    stream.sendall(b"\x13BitTorrent protocol" + bytes(8) + torrent + b"-LI0001-abcdefghijkl")
    read(stream, 68)
    field = bytearray(b"\xff" * ((pieces + 7) // 8))
    if pieces % 8:
        field[-1] = (0xFF << (8 - pieces % 8)) & 0xFF
    stream.sendall(struct.pack(">IB", len(field) + 1, 5) + bytes(field) + b"\0\0\0\1\1")
    while True:
        (length,) = struct.unpack(">I", read(stream, 4))
        message = read(stream, length)
        if message[:1] == b"\6":
            wanted = struct.unpack(">I", message[9:13])[0]
            stream.sendall(struct.pack(">IB", wanted + 9, 7) + message[1:9] + b"\xee" * wanted)
            print("lied", flush=True)


def follow(address, torrent, pieces):
    while True:
        for port in PORTS:
            try:
                with socket.create_connection((address, port), timeout=1) as stream:
                    lie(stream, torrent, pieces)
            except OSError:
                time.sleep(0.02)


known = found(sys.argv[1])
for address in sys.argv[2:]:
    threading.Thread(target=follow, args=(address, *known), daemon=True).start()
time.sleep(120)
