"""Assertions that several test files share."""
import json
import re

from . import images

# What a person should never read: types, exceptions, addresses, stack frames.
NOT_FOR_PEOPLE = re.compile(r"std::|boost|exception|0x[0-9a-f]{6,}|\bnlohmann\b|errno|terminate", re.I)


def one_sentence(text):
    """A failure is told in one plain line."""
    text = text.strip()
    assert text, "no message at all"
    assert "\n" not in text, f"more than one line: {text}"
    assert len(text) <= 400, f"too long: {text}"
    assert not NOT_FOR_PEOPLE.search(text), f"not for people: {text}"
    return text


def fails(process, *words, code=1):
    """A command that failed as it should: exit code, one sentence on stderr, the words in it. Returns the sentence."""
    assert process.returncode == code, f"exit {process.returncode}: {process.stdout}{process.stderr}"
    sentence = one_sentence(process.stderr)
    for w in words:
        assert re.search(w, sentence, re.I), f"no /{w}/ in: {sentence}"
    return sentence


def api_error(answer, status, *words):
    """An honest HTTP error: status, {"error":true,"msg","code"}, one sentence. Returns the sentence."""
    expected = status if isinstance(status, tuple) else (status,)
    assert answer.status in expected, f"{answer.status} instead of {status}: {answer.body[:500]}"
    assert answer.headers["Content-Type"].startswith("application/json"), answer.headers["Content-Type"]
    document = answer.json
    assert document["error"] is True and document["code"], document
    sentence = one_sentence(document["msg"])
    for w in words:
        assert re.search(w, sentence, re.I), f"no /{w}/ in: {sentence}"
    return sentence


ACCEPT = ", ".join([images.DOCKER_MANIFEST, images.DOCKER_LIST, images.OCI_MANIFEST, images.OCI_INDEX])


def registry_path(name, kind, reference):
    """Path of a manifest or blob."""
    return f"/v2/{name}/{kind}/{reference}"


def has(node, name, reference="latest"):
    """Whether the node's registry has the image."""
    status = node.registry_request("HEAD", registry_path(name, "manifests", reference), {"Accept": ACCEPT}).status
    assert status in (200, 404), status
    return status == 200


def serves(node, name, reference, image, platforms=None):
    """The node's registry gives the image: manifests byte for byte, blobs with their digests.

    platforms: of an index, the "os/arch[/variant]" whose blobs must be there (None = all blobs of the image).
    """
    top = node.registry_request("GET", registry_path(name, "manifests", reference), {"Accept": ACCEPT})
    assert top.status == 200, top
    assert top.body == image.manifest
    assert top.headers["Content-Type"] == image.media_type
    assert top.headers["Docker-Content-Digest"] == image.digest
    manifests = image.manifests if platforms is None else {
        d: m for d, m in image.manifests.items() if d == image.digest or _platform_of(image, m[1]) in platforms}
    for digest, (media_type, data) in manifests.items():
        a = node.registry_request("GET", registry_path(name, "manifests", digest), {"Accept": ACCEPT})
        assert (a.status, a.headers["Content-Type"], a.body) == (200, media_type, data), a
        for blob in blobs_of(data):
            b = node.registry_request("GET", registry_path(name, "blobs", blob["digest"]))
            assert b.status == 200 and images.sha256(b.body) == blob["digest"], b
            assert int(b.headers["Content-Length"]) == blob["size"]


def blobs_of(manifest):
    m = json.loads(manifest)
    return [m["config"], *m["layers"]] if "layers" in m else []


def _platform_of(image, manifest):
    for blob in blobs_of(manifest)[:1]:
        return next((p for p, config in image.ids.items() if config == blob["digest"]), None)
    return None
