import { assertEquals, assertThrows } from "@std/assert";
import { filePath, join } from "../internal/file_path.ts";

Deno.test("paths, URLs and file: strings name the same file", () => {
  for (
    const [value, path] of [
      ["runs/a b", "runs/a b"],
      ["/tmp/100%20", "/tmp/100%20"],
      ["file:///tmp/a%20b.csv", "/tmp/a b.csv"],
      ["FILE:///tmp/x", "/tmp/x"],
      [new URL("file:///tmp/a%20b/%C3%A9.gz"), "/tmp/a b/é.gz"],
      [new URL("file:///C:/data/x.csv"), "C:/data/x.csv"],
    ] as const
  ) assertEquals(filePath("read a file", value), path);
});

Deno.test("what is no path is refused by name", () => {
  for (
    const [value, message] of [
      ["", 'Cannot save: the path must be a path: current value is ""'],
      [7, "Cannot save: the path must be a path: current value is 7"],
      [
        undefined,
        "Cannot save: the path must be a path: current value is undefined",
      ],
      [
        new URL("https://example.com/x"),
        'Cannot save: the path must be a path or a file: URL of this machine: current value is "https://example.com/x"',
      ],
      [
        "file://server/share/x",
        'Cannot save: the path must be a path or a file: URL of this machine: current value is "file://server/share/x"',
      ],
    ] as const
  ) {
    const error = assertThrows(() => filePath("save", value as string), Error);
    assertEquals(error.message, message);
  }
});

Deno.test("join() puts one slash between a folder and a name", () => {
  assertEquals(join("runs", "a"), "runs/a");
  assertEquals(join("runs/", "a"), "runs/a");
  assertEquals(join("/", "a"), "/a");
});
