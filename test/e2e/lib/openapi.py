"""Holds the answers of a node to the description of the API that it serves itself."""
import json
import re
import urllib.parse

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def is_of_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


class Document:
    """An OpenAPI 3.1 document, as far as ours makes use of JSON Schema."""

    KNOWN = {"$ref", "type", "const", "enum", "required", "properties", "additionalProperties", "items", "oneOf",
             "anyOf", "allOf", "pattern", "minimum", "maximum", "minLength", "maxLength", "maxItems",
             "description", "examples", "example", "default", "format", "title"}

    def __init__(self, document):
        self.document = document

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def wrong(self, value, schema, where="body"):
        """What is wrong with a value, or None."""
        schema = self.resolve(schema)
        unknown = set(schema) - self.KNOWN
        assert not unknown, f"this checker does not know {unknown}"
        for rule in (self.wrong_alternative, self.wrong_scalar, self.wrong_object, self.wrong_array):
            problem = rule(value, schema, where)
            if problem:
                return problem
        return None

    def wrong_alternative(self, value, schema, where):
        for part in schema.get("allOf", []):
            problem = self.wrong(value, part, where)
            if problem:
                return problem
        for keyword in ("oneOf", "anyOf"):
            if keyword not in schema:
                continue
            problems = [self.wrong(value, part, where) for part in schema[keyword]]
            good = problems.count(None)
            if good == 0 or (keyword == "oneOf" and good != 1):
                return f"{where} fits {good} of {len(problems)} alternatives: {problems}"
        return None

    def wrong_scalar(self, value, schema, where):
        if "type" in schema and not is_of_type(value, schema["type"]):
            return f"{where} is {value!r:.80}, not of type {schema['type']}"
        if "const" in schema and value != schema["const"]:
            return f"{where} is {value!r:.80}, not {schema['const']!r}"
        if "enum" in schema and value not in schema["enum"]:
            return f"{where} is {value!r:.80}, none of {schema['enum']}"
        if isinstance(value, str):
            if "pattern" in schema and not re.search(schema["pattern"], value):
                return f"{where} is {value!r:.80}, which is not like {schema['pattern']}"
            if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
                return f"{where} has {len(value)} characters"
        if isinstance(value, (int, float)) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            return f"{where} is {value}"
        return None

    def wrong_object(self, value, schema, where):
        if not isinstance(value, dict):
            return None
        for name in schema.get("required", []):
            if name not in value:
                return f"{where}.{name} is missing"
        for name, part in value.items():
            rule = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            problem = self.wrong(part, rule, f"{where}.{name}") if isinstance(rule, dict) else None
            if problem:
                return problem
        return None

    def wrong_array(self, value, schema, where):
        if not isinstance(value, list):
            return None
        if len(value) > schema.get("maxItems", len(value)):
            return f"{where} has {len(value)} items"
        for i, item in enumerate(value):
            problem = self.wrong(item, schema["items"], f"{where}[{i}]") if "items" in schema else None
            if problem:
                return problem
        return None

    def path_item(self, path):
        """The template and the item that a path as requested belongs to; literal segments come first."""
        segments = path.split("/")
        found = []
        for template, item in self.document["paths"].items():
            parts = template.split("/")
            if len(parts) == len(segments) and all(p == s or (p.startswith("{") and s) for p, s in zip(parts, segments)):
                found.append((template.count("{"), template, item))
        return min(found)[1:] if found else (None, None)

    def check(self, method, target, answer):
        """Asserts that an answer is one that the document foresees."""
        path = urllib.parse.urlsplit(target).path
        if method == "HEAD" or not (path.startswith("/api/") or path == "/metrics"):
            return
        template, item = self.path_item(path)
        operation = item.get(method.lower()) if item else None
        if operation is None:
            assert answer.status >= 400, f"{method} {path} is not documented, but answers {answer.status}"
            return
        response = operation["responses"].get(str(answer.status))
        if response is None:
            assert answer.status >= 400, f"{method} {template} answers {answer.status}, which is not documented"
            response = operation["responses"]["default"]
        self.check_content(f"{method} {template} {answer.status}", self.resolve(response), answer)

    def check_content(self, what, response, answer):
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in response["content"], f"{what} is {kind}, not one of {list(response['content'])}"
        schema = response["content"][kind].get("schema")
        if kind == "application/json":
            values = [json.loads(answer.body)]
        elif kind == "application/x-ndjson":
            values = [json.loads(line) for line in answer.body.splitlines()]
        else:
            return
        for value in values:
            problem = self.wrong(value, schema)
            assert not problem, f"{what}: {problem}"
