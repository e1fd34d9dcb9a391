/**
 * A headless Chromium, driven through its debugging protocol.
 *
 * @module
 */

const PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** Where Chromium is, if it is installed. */
export function findChromium(): string | undefined {
  return PATHS.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** One page of a headless Chromium. */
export class Page {
  readonly #process: Deno.ChildProcess;
  readonly #socket: WebSocket;
  readonly #profile: string;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #session: string | undefined;
  #last = 0;

  private constructor(
    process: Deno.ChildProcess,
    socket: WebSocket,
    profile: string,
  ) {
    this.#process = process;
    this.#socket = socket;
    this.#profile = profile;
    socket.onmessage = ({ data }) => {
      const { id, result, error } = JSON.parse(data);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    };
  }

  /** Start Chromium and open `url`. */
  static async open(
    chromium: string,
    url: string,
    flags: string[] = [],
  ): Promise<Page> {
    const profile = await Deno.makeTempDir();
    const process = new Deno.Command(chromium, {
      args: [
        "--headless",
        "--no-sandbox",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "--window-size=1180,900",
        ...flags,
        "about:blank",
      ],
      stderr: "piped",
      stdout: "null",
    }).spawn();
    const socket = new WebSocket(await debuggingUrl(process.stderr));
    await new Promise((resolve) => socket.onopen = resolve);
    const page = new Page(process, socket, profile);
    const { targetId } = await page.#send("Target.createTarget", { url }) as {
      targetId: string;
    };
    const { sessionId } = await page.#send("Target.attachToTarget", {
      targetId,
      flatten: true,
    }) as { sessionId: string };
    page.#session = sessionId;
    return page;
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.#send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    }) as { result: { value: unknown } };
    return result.value;
  }

  /** Look every 50 ms until an expression is true; throws after `seconds`. */
  async until(expression: string, seconds: number): Promise<void> {
    const end = performance.now() + 1000 * seconds;
    while (performance.now() < end) {
      // Between two pages there is nothing to evaluate in.
      const value = await this.evaluate(expression).catch(() => false);
      if (value) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const text = await this.evaluate("document.body.innerText");
    throw new Error(
      `not within ${seconds} s: ${expression}; the page says: ${text}`,
    );
  }

  /** Press the mouse at the first of some places, and move it along the others. */
  async drag(places: readonly (readonly [x: number, y: number])[]) {
    const send = (type: string, [x, y]: readonly [number, number]) =>
      this.#send("Input.dispatchMouseEvent", {
        type,
        x,
        y,
        button: "left",
        buttons: type === "mouseReleased" ? 0 : 1,
        clickCount: 1,
      });
    await send("mousePressed", places[0]!);
    for (const place of places) await send("mouseMoved", place);
    await send("mouseReleased", places.at(-1)!);
  }

  /** Save a picture of the page. */
  async screenshot(path: string): Promise<void> {
    const { data } = await this.#send("Page.captureScreenshot", {
      format: "png",
    }) as { data: string };
    await Deno.writeFile(
      path,
      Uint8Array.from(atob(data), (c) => c.charCodeAt(0)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#socket.close();
    await closed;
    this.#process.kill();
    await this.#process.status;
    // Its helpers may write for a moment longer.
    await Deno.remove(this.#profile, { recursive: true }).catch(() => {});
  }

  #send(method: string, params: object): Promise<unknown> {
    const id = ++this.#last;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    const session = this.#session ? { sessionId: this.#session } : {};
    this.#socket.send(JSON.stringify({ id, method, params, ...session }));
    return waiting.promise;
  }
}

/** The address that Chromium prints when it has started; the rest is thrown away. */
async function debuggingUrl(
  stderr: ReadableStream<Uint8Array>,
): Promise<string> {
  const [head, rest] = stderr.tee();
  rest.pipeTo(new WritableStream()).catch(() => {});
  let text = "";
  const reader = head.pipeThrough(
    new TextDecoderStream() as TransformStream<Uint8Array, string>,
  ).getReader();
  while (true) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`Chromium did not start: ${text}`);
    text += value;
    const url = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
    if (!url) continue;
    reader.cancel().catch(() => {});
    return url;
  }
}
