// A running gateway and a scripted upstream for the tests of the Node client.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const TOLLWAY = fileURLToPath(new URL("../../.venv/bin/tollway", import.meta.url));
const START = 30_000;

export const KEY = "canary-virtual-key-1";
export const UPSTREAM_KEY = "canary-upstream-key-1";

/** Answers each request with the next of its scripts: functions of the request, its body and the response. */
export class ScriptedUpstream {
  #scripts = [];
  received = [];

  static async start() {
    const upstream = new ScriptedUpstream();
    upstream.server = createServer((request, response) => upstream.#serve(request, response));
    upstream.server.listen(0, "127.0.0.1");
    await once(upstream.server, "listening");
    upstream.url = `http://127.0.0.1:${upstream.server.address().port}`;
    return upstream;
  }

  script(...scripts) {
    this.#scripts.push(...scripts);
  }

  reset() {
    this.#scripts = [];
    this.received = [];
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }

  async #serve(request, response) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces).toString();
    this.received.push({ headers: request.headers, body: JSON.parse(body) });
    const script = this.#scripts.shift();
    if (script === undefined) {
      response.writeHead(500).end();
    } else {
      await script(response);
    }
  }
}

/** An answer as JSON. */
export function json(value, status = 200, headers = {}) {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(value));
  };
}

/** A stream of these events and `[DONE]`. */
export function events(values) {
  return (response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    for (const value of values) response.write(`data: ${JSON.stringify(value)}\n\n`);
    response.end("data: [DONE]\n\n");
  };
}

/** A stream of these events that then stands still; `left` resolves when the gateway leaves. */
export function hanging(values) {
  const { promise: left, resolve } = Promise.withResolvers?.() ?? deferred();
  const script = (response) => {
    response.on("close", resolve);
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    for (const value of values) response.write(`data: ${JSON.stringify(value)}\n\n`);
  };
  return { script, left };
}

// Node 20 has no Promise.withResolvers.
function deferred() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** The gateway in front of `upstream` (route `m`) and of the bundled mock provider (route `mock`). */
export class Gateway {
  static async start(upstream) {
    const gateway = new Gateway();
    gateway.folder = await mkdtemp(join(tmpdir(), "tollway-node-"));
    const config = join(gateway.folder, "tollway.toml");
    await writeFile(config, configuration(upstream.url));
    const secrets = {
      TEST_KEY: KEY,
      TEST_UPSTREAM_KEY: UPSTREAM_KEY,
      TEST_ADMIN_TOKEN: "canary-admin-token-1",
      TEST_SERVER_SECRET: "canary-server-secret-1",
    };
    gateway.process = spawn(TOLLWAY, ["serve", "--config", config], {
      cwd: gateway.folder,
      env: { ...process.env, ...secrets },
      stdio: ["ignore", "pipe", "inherit"],
    });
    gateway.baseURL = `${await gateway.#announced()}/v1`;
    return gateway;
  }

  /** Ends it as an operator would; its exit code. */
  async stop() {
    const ended = this.process.exitCode === null ? once(this.process, "exit") : [this.process.exitCode];
    this.process.kill("SIGTERM");
    const [code] = await ended;
    await rm(this.folder, { recursive: true });
    return code;
  }

  async #announced() {
    const lines = createInterface({ input: this.process.stdout });
    const late = setTimeout(() => this.process.kill("SIGKILL"), START);
    try {
      for await (const line of lines) {
        const found = /data plane (http:\S+)/.exec(line);
        // What it prints later is not read by anyone, and must not stop it.
        if (found) return found[1];
      }
    } finally {
      clearTimeout(late);
      this.process.stdout.resume();
    }
    throw new Error("the gateway did not start");
  }
}

function configuration(upstream) {
  return `
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
workers = 2
drain = "2s"
secret = "env:TEST_SERVER_SECRET"

[admin]
token = "env:TEST_ADMIN_TOKEN"

[providers.up]
type = "openai"
base_url = "${upstream}/v1"
api_key = "env:TEST_UPSTREAM_KEY"

[providers.mock]
type = "mock"

[routes.m]
provider = "up"
model = "up-model"
max_retries = 0

[routes.mock]
provider = "mock"
model = "mock-model"

[keys.test]
secret = "env:TEST_KEY"
`;
}
