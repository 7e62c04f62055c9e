"""What a hostile peer can do to a node, layer by layer.

Each plays one round against the node that listens at `to`, and fails when the node does not do what it should. `stop` is
set when what runs beside it is done. None comes from the address of the honest peers.
"""
import os
import struct

from .rogue import DATA, FIRST_WINDOW, MULTISTREAM, SYN, WINDOW, Ended, Pipe, Rogue, field, framed, propose, varint
from .system import MIB, Deadline

BLOB, BITSWAP, KAD, PUBSUB = "/distromash/blob/1", "/ipfs/bitswap/1.2.0", "/ipfs/lan/kad/1.0.0", "/meshsub/1.1.0"
PROTOCOLS = (BLOB, BITSWAP, KAD, PUBSUB)
ABSENT = 10_000
HEADER = framed(f"{MULTISTREAM}\n".encode())
SOURCE = "127.0.0.2"


def is_over(source):
    """Reads until the node has ended the stream or the connection."""
    try:
        while True:
            source.read(1)
    except Ended:
        pass


def say(stream, data):
    """The node may have ended the stream before: it does with who answers none of its own."""
    try:
        stream.write(data)
    except Ended:
        pass


def frame(kind, flags, stream, length):
    return struct.pack(">BBHII", 0, kind, flags, stream, length)


def connections_without_end(to, stop):
    pipes = [Pipe(to, "127.0.0.3") for _ in range(200)]
    is_over(pipes[-1])  # over the limit of an address
    for p in pipes:
        p.close()


def other_protocols(to, stop):
    for said in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff\xff\x03", HEADER + b"\xff\x7f", HEADER + framed(b"/nope\n") * 100):
        pipe = Pipe(to, SOURCE)
        pipe.write(said)
        is_over(pipe)
        pipe.close()


def broken_handshakes(to, stop):
    pipe = Pipe(to, SOURCE)
    pipe.write(HEADER[:7])
    pipe.close()
    for said in (struct.pack(">H", 0xffff) + os.urandom(0xffff), struct.pack(">H", 32) + bytes(32), b"\x00\x05hello"):
        pipe = Pipe(to, SOURCE)
        propose(pipe, "/noise")
        pipe.write(said)
        is_over(pipe)
        pipe.close()
    pipe = Pipe(to, SOURCE)
    propose(pipe, "/noise")
    pipe.write(b"\x00\x20half")
    pipe.close()


def forged_signature(to, stop):
    try:
        Rogue(to, forged=True)
    except Ended:
        return
    raise AssertionError("the node takes an identity that has not signed the key")


def frames_that_are_not_authentic(to, stop):
    with Rogue(to) as r:
        r.pipe.socket.sendall(struct.pack(">H", 40) + os.urandom(40))
        r.see_the_end()
    with Rogue(to) as r:
        r.pipe.socket.sendall(b"\xff\xffhalf")


def window_violations(to, stop):
    with Rogue(to) as r:
        try:
            r.frame(DATA, SYN, 1, 2 * MIB, bytes(2 * MIB))
        except Ended:
            pass
        r.see_the_end()
    with Rogue(to) as r:
        r.frame(WINDOW, 0, r.raw_stream().number, 0xffffffff)
        r.see_the_end()


def broken_frames(to, stop):
    for said in (b"\x7f" * 12, frame(DATA, SYN, 1, 0xffffffff), frame(WINDOW, SYN, 2, 0)):
        with Rogue(to) as r:
            r.pipe.write(said)
            r.see_the_end()
    with Rogue(to) as r:
        r.pipe.write(frame(DATA, SYN, 1, 1000) + bytes(10))


def streams_without_end(to, stop):
    with Rogue(to) as r:
        r.pipe.write(b"".join(frame(WINDOW, SYN, n, 0) for n in range(1, 20_000, 2)))
        r.settle()


def windows_that_are_filled_and_never_framed(to, stop):
    """A message that never ends on each of many streams."""
    with Rogue(to) as r:
        for _ in range(8):
            for protocol in PROTOCOLS:
                s = r.open(protocol)
                say(s, varint(1 << 20) + bytes(FIRST_WINDOW // 2))
        r.settle()


def broken_messages(to, stop):
    """Too long, cut short, and without a meaning."""
    for protocol in PROTOCOLS:
        for said in (varint(64 << 20) + bytes(100), varint(1000) + bytes(10), framed(b"\xff" * 100)):
            with Rogue(to) as r:
                s = r.open(protocol)
                say(s, said)
                s.finish()
                is_over(s)


def absent_blocks(to, stop):
    """10,000 wants over bitswap in one message, and as many blobs asked for by /distromash/blob/1."""
    wants = b"".join(field(1, field(1, b"\x01\x55\x12\x20" + os.urandom(32)) + field(2, 1) + field(5, 1))
                     for _ in range(ABSENT))
    with Rogue(to, speaks={BITSWAP: is_over, BLOB: is_over}) as r:
        r.open(BITSWAP).write(framed(field(1, wants)))
        s = r.open(BLOB)
        s.write(framed(field(1, field(6, 1))))
        for n in range(ABSENT):
            s.write(framed(field(2, field(1, n % 4096) + field(5, os.urandom(32)) + field(8, 1))))
        r.settle()


def a_byte_a_second(to, stop):
    """At every layer, for as long as the transfer beside it takes."""
    plain, rogues = Pipe(to, SOURCE), [Rogue(to) for _ in range(2 + len(PROTOCOLS))]
    streams = [r.open(p) for r, p in zip(rogues[2:], PROTOCOLS)]
    for s in streams:
        say(s, varint(1000))
    lines = [plain.write, rogues[0].raw_stream().write, rogues[1].pipe.write, *(s.write for s in streams)]
    i = 0
    while not stop.wait(1):
        for write in lines:
            try:
                write(HEADER[i % len(HEADER):][:1])
            except (Ended, Deadline):
                pass  # the node has had enough of it
        i += 1
    for line in [plain, *(r.pipe for r in rogues)]:
        line.close()


ALL = [connections_without_end, other_protocols, broken_handshakes, forged_signature, frames_that_are_not_authentic,
       window_violations, broken_frames, streams_without_end, windows_that_are_filled_and_never_framed, broken_messages,
       absent_blocks, a_byte_a_second]
