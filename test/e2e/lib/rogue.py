"""A peer that speaks libp2p as far as it likes: every layer can be left out, cut short or lied about.

Written apart from the product, in plain Python over python3-cryptography, so that both sides cannot share a mistake. It
dials, and answers what the node opens to it. Spec: libp2p noise, hashicorp/yamux, multistream-select 1.0.
"""
import contextlib
import hashlib
import hmac
import queue
import socket
import struct
import threading

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .system import Deadline

SECONDS = 20  # of waiting for an answer
DATA, WINDOW, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8
FIRST_WINDOW = 256 * 1024
OUR_WINDOW = 4 << 20
MULTISTREAM, NOISE, YAMUX, IDENTIFY = "/multistream/1.0.0", "/noise", "/yamux/1.0.0", "/ipfs/id/1.0.0"
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, value):
    """One field of protobuf: a number, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def framed(data):
    return varint(len(data)) + data


def take_varint(data, at=0):
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def fields(data):
    """[(number, value)] of a protobuf message of numbers and bytes."""
    at, out = 0, []
    while at < len(data):
        key, at = take_varint(data, at)
        value, at = take_varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        out.append((key >> 3, value))
    return out


def raw(key):
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def base58(data):
    number, out = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        out = ALPHABET[digit] + out
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + out


class Ended(Exception):
    """The node has closed the connection or reset the stream."""


class Pipe:
    """The TCP connection, plain at first, sealed once `seal` has been called."""

    def __init__(self, to, source):
        host, _, port = to.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), SECONDS, (source, 0))
        self.rest, self.keys, self._lock = b"", None, threading.Lock()

    def seal(self, send, receive):
        self.keys = [[ChaCha20Poly1305(send), 0], [ChaCha20Poly1305(receive), 0]]

    @staticmethod
    def _nonce(key):
        key[1] += 1
        return bytes(4) + struct.pack("<Q", key[1] - 1)

    def write(self, data):
        try:
            if not self.keys:
                return self.socket.sendall(data)
            with self._lock:
                for at in range(0, len(data), 65000):
                    body = self.keys[0][0].encrypt(self._nonce(self.keys[0]), data[at:at + 65000], b"")
                    self.socket.sendall(struct.pack(">H", len(body)) + body)
        except OSError as e:
            raise Ended(str(e)) from e

    def read(self, n):
        while len(self.rest) < n:
            self.rest += self._more()
        out, self.rest = self.rest[:n], self.rest[n:]
        return out

    def _more(self):
        if not self.keys:
            return self._receive(65536)
        size, = struct.unpack(">H", self._exactly(2))
        return self.keys[1][0].decrypt(self._nonce(self.keys[1]), self._exactly(size), b"")

    def _exactly(self, n):
        out = b""
        while len(out) < n:
            out += self._receive(n - len(out))
        return out

    def _receive(self, n):
        try:
            data = self.socket.recv(n)
        except TimeoutError as e:
            raise Deadline("the node says nothing") from e
        except OSError as e:
            raise Ended(str(e)) from e
        if not data:
            raise Ended("closed")
        return data

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def read_varint(source):
    data = source.read(1)
    while data[-1] > 127:
        data += source.read(1)
    return take_varint(data)[0]


def read_message(source):
    return source.read(read_varint(source))


def propose(source, protocol):
    """Multistream, as the side that asks."""
    source.write(framed(f"{MULTISTREAM}\n".encode()) + framed(f"{protocol}\n".encode()))
    said = [read_message(source).decode().strip() for _ in range(2)]
    assert said == [MULTISTREAM, protocol], said


class Noise:
    """XX, as the side that begins; `forged`: the identity signs another key."""

    def __init__(self, pipe, identity, forged=False):
        self.hash = self.chain = b"Noise_XX_25519_ChaChaPoly_SHA256"
        self.key, self.count = None, 0
        self._mix_hash(b"")
        ephemeral, static = X25519PrivateKey.generate(), X25519PrivateKey.generate()
        self._mix_hash(raw(ephemeral.public_key()))
        self._mix_hash(b"")
        pipe.write(struct.pack(">H", 32) + raw(ephemeral.public_key()))
        answer = pipe.read(struct.unpack(">H", pipe.read(2))[0])
        theirs = X25519PublicKey.from_public_bytes(answer[:32])
        self._mix_hash(answer[:32])
        self._mix_key(ephemeral.exchange(theirs))
        their_static = X25519PublicKey.from_public_bytes(self._open(answer[32:80]))
        self._mix_key(ephemeral.exchange(their_static))
        self._open(answer[80:])
        signed = b"noise-libp2p-static-key:" + (bytes(32) if forged else raw(static.public_key()))
        payload = field(1, public_key(identity)) + field(2, identity.sign(signed))
        message = self._close(raw(static.public_key()))
        self._mix_key(static.exchange(theirs))
        message += self._close(payload)
        pipe.write(struct.pack(">H", len(message)) + message)
        pipe.seal(*self._derive(b""))

    def _mix_hash(self, data):
        self.hash = hashlib.sha256(self.hash + data).digest()

    def _derive(self, material):
        key = hmac.digest(self.chain, material, "sha256")
        first = hmac.digest(key, b"\1", "sha256")
        return first, hmac.digest(key, first + b"\2", "sha256")

    def _mix_key(self, material):
        self.chain, key = self._derive(material)
        self.key, self.count = ChaCha20Poly1305(key), 0

    def _nonce(self):
        self.count += 1
        return bytes(4) + struct.pack("<Q", self.count - 1)

    def _open(self, data):
        out = self.key.decrypt(self._nonce(), data, self.hash)
        self._mix_hash(data)
        return out

    def _close(self, data):
        out = self.key.encrypt(self._nonce(), data, self.hash)
        self._mix_hash(out)
        return out


def public_key(identity):
    return field(1, 1) + field(2, raw(identity.public_key()))


class Stream:
    """One of yamux. Reads block; writes wait for the window unless told not to."""

    def __init__(self, session, number):
        self.session, self.number = session, number
        self.window, self.room = FIRST_WINDOW, threading.Condition()
        self.queue, self.rest, self.ended = queue.Queue(), b"", False

    def write(self, data):
        while data:
            with self.room:
                if not self.room.wait_for(lambda: self.window or self.ended, SECONDS):
                    raise Deadline("the node grants no window")
                if self.ended:
                    raise Ended("reset")
                n = min(self.window, len(data))
                self.window -= n
            self.session.frame(DATA, 0, self.number, n, data[:n])
            data = data[n:]

    def read(self, n):
        while len(self.rest) < n:
            try:
                data = self.queue.get(timeout=SECONDS)
            except queue.Empty:
                raise Deadline("the node says nothing on this stream") from None
            if not data:
                self.queue.put(b"")
                raise Ended("the stream ended")
            self.rest += data
        out, self.rest = self.rest[:n], self.rest[n:]
        return out

    def finish(self):
        self.session.frame(WINDOW, FIN, self.number, 0)

    def end(self):
        with self.room:
            self.ended = True
            self.room.notify_all()
        self.queue.put(b"")


class Rogue:
    """A connected peer with a session. `speaks`: protocol -> function(stream), run when the node opens one."""

    def __init__(self, to, source="127.0.0.2", identity=None, forged=False, speaks=None):
        self.identity = identity or Ed25519PrivateKey.generate()
        key = public_key(self.identity)
        self.id = base58(bytes([0, len(key)]) + key)
        self.speaks = {IDENTIFY: self._identify, **(speaks or {})}
        self.streams, self.next, self.over, self.pongs = {}, 1, threading.Event(), queue.Queue()
        self.pipe = Pipe(to, source)
        try:
            propose(self.pipe, NOISE)
            Noise(self.pipe, self.identity, forged)
            propose(self.pipe, YAMUX)
        except BaseException:
            self.pipe.close()
            raise
        self.pipe.socket.settimeout(None)
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pipe.close()
        self.over.wait(SECONDS)

    def see_the_end(self, seconds=SECONDS):
        """Waits until the node has closed the connection."""
        if not self.over.wait(seconds):
            raise Deadline(f"the node keeps the connection for {seconds} s")

    def settle(self):
        """Returns when the node has worked off all that was sent before, or has closed the connection."""
        with contextlib.suppress(Ended):
            self.frame(PING, SYN, 0, 7)
        try:
            self.pongs.get(timeout=SECONDS)
        except queue.Empty:
            raise Deadline("the node does not answer a ping") from None

    def frame(self, kind, flags, stream, length, body=b""):
        self.pipe.write(struct.pack(">BBHII", 0, kind, flags, stream, length) + body)

    def open(self, protocol):
        """A stream on which the node has agreed to speak the protocol."""
        s = self.raw_stream()
        propose(s, protocol)
        return s

    def raw_stream(self):
        s = self.streams[self.next] = Stream(self, self.next)
        self.next += 2
        self.frame(WINDOW, SYN, s.number, OUR_WINDOW - FIRST_WINDOW)
        return s

    def _read(self):
        with contextlib.suppress(Ended, OSError, ValueError, InvalidTag):
            while True:
                _, kind, flags, number, length = struct.unpack(">BBHII", self.pipe.read(12))
                if kind == PING and flags & SYN:
                    self.frame(PING, ACK, 0, length)
                elif kind == PING:
                    self.pongs.put(length)
                elif kind in (DATA, WINDOW):
                    self._take(kind, flags, number, length)
        self.over.set()
        self.pongs.put(None)
        for s in list(self.streams.values()):
            s.end()

    def _take(self, kind, flags, number, length):
        if flags & SYN:
            self.streams[number] = Stream(self, number)
            self.frame(WINDOW, ACK, number, OUR_WINDOW - FIRST_WINDOW)
            threading.Thread(target=self._serve, args=(self.streams[number],), daemon=True).start()
        s = self.streams.get(number)
        body = self.pipe.read(length) if kind == DATA else b""
        if not s:
            return
        if body:
            s.queue.put(body)
            self.frame(WINDOW, 0, number, length)
        if kind == WINDOW:
            with s.room:
                s.window += length
                s.room.notify_all()
        if flags & RST:
            s.end()
        elif flags & FIN:
            s.queue.put(b"")

    def _serve(self, s):
        """Multistream, as the side that is asked."""
        with contextlib.suppress(Ended, Deadline, OSError):
            s.write(framed(f"{MULTISTREAM}\n".encode()))
            read_message(s)
            while (wanted := read_message(s).decode().strip()) not in self.speaks:
                s.write(framed(b"na\n"))
            s.write(framed(f"{wanted}\n".encode()))
            self.speaks[wanted](s)

    def _identify(self, s):
        s.write(framed(field(1, public_key(self.identity)) + b"".join(field(3, p.encode()) for p in self.speaks) +
                       field(6, b"rogue/1")))
        s.finish()
