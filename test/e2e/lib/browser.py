"""Debian's Chromium by Playwright, and pages that may not have anything to complain about."""
import json
import os
import subprocess
import sys

from .system import REPOSITORY

CHROMIUM = "/usr/bin/chromium-headless-shell"
PATIENCE_MS = 20_000


def why_not():
    """Why there can be no browser here; None where there can."""
    if not os.path.exists(CHROMIUM):
        return f"{CHROMIUM} is not installed"
    found = subprocess.run([f"{REPOSITORY}/tools/toolchain.sh", "playwright"], capture_output=True, text=True, timeout=300)
    if found.returncode != 0:
        return f"Playwright could not be had: {found.stderr[-300:]}"
    sys.path.append(found.stdout.strip())
    return None


def axe_source():
    """axe-core's script, from the packages of the web application."""
    modules = subprocess.run([f"{REPOSITORY}/tools/npm_ci.sh", f"{REPOSITORY}/web/app"], capture_output=True, text=True,
                             timeout=300, check=True).stdout.strip()
    with open(f"{modules}/axe-core/axe.min.js", encoding="utf-8") as f:
        return f.read()


class Browser:
    def __init__(self):
        from playwright.sync_api import sync_playwright
        self.playwright = sync_playwright().start()
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        self.chromium = self.playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        self.axe = axe_source()

    def close(self):
        self.chromium.close()
        self.playwright.stop()

    def context(self, **options):
        """A browser profile of its own."""
        context = self.chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce",
                                               **options})
        context.set_default_timeout(PATIENCE_MS)
        return context


class Tab:
    """A page of one node. `complaints` are what its console, its scripts and its policy said against it."""

    def __init__(self, browser, address, **options):
        self.browser, self.address = browser, address
        self.context = browser.context(**options)
        self.page = self.context.new_page()
        self.complaints, self.expected = [], []
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("dialog", lambda d: (self.complaints.append(f"a script said {d.message}"), d.dismiss()))

    def open(self, path="/"):
        self.page.goto(f"http://{self.address}{path}")
        self.page.get_by_role("status").filter(has_text="live").wait_for()
        return self.page

    def expect_complaint(self, part):
        """Of the browser itself, about a request that a test wants to fail."""
        self.expected.append(part)

    def violations(self):
        """What axe finds against WCAG 2.2 AA, as short sentences."""
        self.page.evaluate(self.browser.axe)
        found = self.page.evaluate("""() => axe.run(document, {runOnly: {type: 'tag', values:
            ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}})""")["violations"]
        return [f"{v['id']}: {v['help']}: {json.dumps([n['html'][:200] + ' ' + n['failureSummary'] for n in v['nodes'][:3]])}"
                for v in found]

    def overflows(self):
        """Whether the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")

    def close(self):
        self.context.close()
        left = [c for c in self.complaints if not any(e in c for e in self.expected)]
        assert not left, f"the page complained: {left}"


def shots_directory():
    """Where screenshots go: $DM_SCREENSHOTS, or nowhere. Those of docs/ui are made so."""
    d = os.environ.get("DM_SCREENSHOTS")
    if d:
        os.makedirs(d, exist_ok=True)
    return d

