"""The OCI conformance suite for registries against a node: pull, push, content discovery, content management."""
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import built
from lib.system import temporary_directory

# What the suite leaves out, by name. "sparse": a manifest whose layers were never pushed is refused, on purpose.
SKIPPED = {
    "1.1": set(),
    "dev": set(),
}


def outcome(case):
    for status in ("failure", "error", "skipped"):
        found = case.find(status)
        if found is not None:
            return status, f"{found.get('message')} {(found.text or '')[:600]}"
    return "passed", ""


@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_everything_passes(node, version):
    n = node(upstream={"docker.io": "http://127.0.0.1:1"})
    results = temporary_directory()
    done = subprocess.run([built("conformance")], cwd=results, capture_output=True, text=True, timeout=300,
                          env={"PATH": os.environ["PATH"], "HOME": results, "OCI_VERSION": version, "OCI_RESULTS_DIR": results,
                               "OCI_REGISTRY": n.registry_address, "OCI_TLS": "disabled",
                               "OCI_REPO1": "conformance/one", "OCI_REPO2": "conformance/two"})
    cases = {}
    for case in ElementTree.parse(os.path.join(results, "junit.xml")).iter("testcase"):
        cases[f"{case.get('classname')} / {case.get('name')}"] = outcome(case)
    failed = {name: why for name, (status, why) in cases.items() if status in ("failure", "error")}
    assert not failed and done.returncode == 0, f"{failed}\n{done.stdout[-3000:]}\n{done.stderr[-1000:]}"
    workflows = " ".join(cases).lower()
    for part in ("push", "pull", "tag", "referrers", "delete", "mount"):
        assert re.search(part, workflows), f"no {part} among {sorted(cases)}"
    assert {name for name, (status, _) in cases.items() if status == "skipped"} == SKIPPED[version]
