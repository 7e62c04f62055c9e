import { describe, expect, test } from "vitest";
import { SseParser } from "./sse";

const text =
  'retry: 2000\n\n: keep-alive\n\nid: 7\nevent: strategy\ndata: {"a":1}\n\ndata: x\r\ndata: y\r\n\r\n';
const wanted = [
  { type: "strategy", data: '{"a":1}' },
  { type: "message", data: "x\ny" },
];

describe("events", () => {
  test("are read whole", () => {
    const parser = new SseParser();
    expect(parser.feed(text)).toEqual(wanted);
    expect(parser.lastId).toBe("7");
    expect(parser.retry).toBe(2000);
  });
  test("are the same however the text is cut", () => {
    for (let size = 1; size < 9; ++size) {
      const parser = new SseParser();
      const found = [];
      for (let at = 0; at < text.length; at += size)
        found.push(...parser.feed(text.slice(at, at + size)));
      expect(found).toEqual(wanted);
    }
  });
  test("without data are none", () => expect(new SseParser().feed("event: x\n\n")).toEqual([]));
  test("that are not ended are not told", () =>
    expect(new SseParser().feed("data: x\n")).toEqual([]));
  test("with a retry that is no number leave it", () => {
    const parser = new SseParser();
    parser.feed("retry: soon\n\n");
    expect(parser.retry).toBeUndefined();
  });
});
