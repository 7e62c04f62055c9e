"""A certificate authority of a test, and certificates signed by it; made with the openssl command."""
import os
import ssl

from .system import run, temporary_directory


class Authority:
    """ca.certificate is the PEM file that clients are to trust."""

    def __init__(self, name="test authority"):
        self.folder = temporary_directory("dm-ca-")
        self.certificate, self.key = os.path.join(self.folder, "ca.pem"), os.path.join(self.folder, "ca.key")
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate], check=True)

    def sign(self, *names, days=30):
        """A Certificate for those names: "IP:127.0.0.1", "DNS:localhost"."""
        return Certificate(self, names, days)


class Certificate:
    def __init__(self, authority, names, days):
        folder = temporary_directory("dm-cert-")
        key, request, extensions, certificate = (os.path.join(folder, n) for n in ("key", "csr", "ext", "pem"))
        with open(extensions, "w") as f:
            f.write("subjectAltName=" + ",".join(names) + "\n")
        run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=registry",
             "-keyout", key, "-out", request], check=True)
        run(["openssl", "x509", "-req", "-in", request, "-CA", authority.certificate, "-CAkey", authority.key,
             "-CAcreateserial", "-days", str(days), "-extfile", extensions, "-out", certificate], check=True)
        self.certificate, self.key = certificate, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
