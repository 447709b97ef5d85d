// The stock openai client for Node, given only a base URL and a virtual key.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import OpenAI from "openai";

import { events, Gateway, hanging, json, KEY, ScriptedUpstream, UPSTREAM_KEY } from "./support.mjs";

const messages = [{ role: "user", content: "Grüße, 世界! 👩‍👩‍👧‍👦 \u2028" }];
const frame = { id: "chatcmpl-n", object: "chat.completion.chunk", created: 1763718600, model: "gpt-4o-mini-2024-07-18" };
const usage = { prompt_tokens: 57, completion_tokens: 17, total_tokens: 74, prompt_tokens_details: { cached_tokens: 32 } };

const chunk = (delta, finish_reason = null, index = 0) => ({
  ...frame,
  choices: [{ index, delta, logprobs: null, finish_reason }],
  usage: null,
});
const call = (index, more) => chunk({ tool_calls: [{ index, ...more }] });

const pieces = ["Grüße,", " 世界! ", "👩‍👩‍👧‍👦", "\u2028\u2029", '"\\"', "data: [DONE]\n\n"];
const text = [chunk({ role: "assistant", content: "" }), ...pieces.map((content) => chunk({ content })), chunk({}, "stop")];
const tools = [
  chunk({ role: "assistant", content: null }),
  call(0, { id: "call_1", type: "function", function: { name: "get_weather", arguments: "" } }),
  ...['{"city"', ':"São', ' Paulo"}'].map((piece) => call(0, { function: { arguments: piece } })),
  call(1, { id: "call_2", type: "function", function: { name: "search", arguments: "{}" } }),
  chunk({}, "tool_calls"),
];
const usageOnly = { ...frame, choices: [], usage };
const completion = {
  ...frame,
  object: "chat.completion",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: pieces.join(""), refusal: null },
      logprobs: { content: [{ token: "G", logprob: -1.9365e-7, bytes: [71], top_logprobs: [] }], refusal: null },
      finish_reason: "stop",
    },
  ],
  usage,
};

let upstream, gateway, client;

before(async () => {
  upstream = await ScriptedUpstream.start();
  gateway = await Gateway.start(upstream);
  client = new OpenAI({ baseURL: gateway.baseURL, apiKey: KEY, maxRetries: 0 });
});

after(async () => {
  const code = await gateway?.stop();
  await upstream?.stop();
  assert.equal(code, 0);
});

beforeEach(() => upstream.reset());

async function collected(stream) {
  const seen = [];
  for await (const event of stream) seen.push(event);
  return seen;
}

test("an answer is the upstream's, and the request the caller's", async () => {
  upstream.script(json(completion, 200, { "x-request-id": "req_upstream" }));
  const { data, response, request_id } = await client.chat.completions.create({ model: "m", messages, seed: 7 }).withResponse();
  assert.deepEqual(structuredClone(data), completion);
  assert.equal(request_id, response.headers.get("x-request-id"));
  assert.notEqual(request_id, "req_upstream");
  assert.equal(response.headers.get("x-tollway-route"), "m");
  const [{ headers, body }] = upstream.received;
  assert.deepEqual(body, { model: "up-model", messages, seed: 7 });
  assert.equal(headers.authorization, `Bearer ${UPSTREAM_KEY}`);
});

for (const [name, chunks] of Object.entries({ text, tools })) {
  test(`events of a stream are the upstream's: ${name}`, async () => {
    upstream.script(events([...chunks, usageOnly]), events([...chunks, usageOnly]));
    assert.deepEqual(await collected(await client.chat.completions.create({ model: "m", messages, stream: true })), chunks);
    const asked = { model: "m", messages, stream: true, stream_options: { include_usage: true } };
    assert.deepEqual(await collected(await client.chat.completions.create(asked)), [...chunks, usageOnly]);
    assert.deepEqual(upstream.received[0].body.stream_options, { include_usage: true });
  });
}

test("the helper puts a stream together", async () => {
  upstream.script(events([...tools, usageOnly]));
  const { choices } = await client.chat.completions.stream({ model: "m", messages }).finalChatCompletion();
  assert.deepEqual(
    choices[0].message.tool_calls.map(({ id, function: { name, arguments: args } }) => [id, name, args]),
    [["call_1", "get_weather", '{"city":"São Paulo"}'], ["call_2", "search", "{}"]],
  );
});

test("many streams at a time get each its own", async () => {
  const streams = Array.from({ length: 50 }, () => events([...text, usageOnly]));
  upstream.script(...streams);
  const seen = await Promise.all(
    streams.map(async () => collected(await client.chat.completions.create({ model: "m", messages, stream: true }))),
  );
  for (const one of seen) assert.deepEqual(one, text);
});

test("a client that aborts ends the upstream call", async () => {
  const { script, left } = hanging(text.slice(0, 2));
  upstream.script(script);
  const stream = await client.chat.completions.create({ model: "m", messages, stream: true });
  const { value } = await stream[Symbol.asyncIterator]().next();
  assert.deepEqual(value, text[0]);
  stream.controller.abort();
  await left;
});

test("errors are of the classes that the client has for them", async () => {
  const said = { error: { message: "Too long.", type: "invalid_request_error", param: "messages", code: "too_long" } };
  upstream.script(json(said, 400), json(said, 429, { "retry-after": "1" }), json(said, 401), json(said, 500));
  const ask = (model = "m", of = client) => of.chat.completions.create({ model, messages });
  const failing = { code: "too_long", param: "messages", status: 400 };
  await assert.rejects(ask(), (error) => error instanceof OpenAI.BadRequestError && matches(error, failing));
  await assert.rejects(ask(), OpenAI.RateLimitError);
  await assert.rejects(ask(), (error) => matches(error, { status: 502, code: "upstream_credentials" }));
  await assert.rejects(ask(), (error) => error instanceof OpenAI.InternalServerError && error.status === 502);
  await assert.rejects(ask("none-such"), (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found");
  const stranger = client.withOptions({ apiKey: "not-a-key-of-ours" });
  await assert.rejects(ask("m", stranger), (error) => error instanceof OpenAI.AuthenticationError && error.code === "invalid_api_key");
});

function matches(error, expected) {
  const seen = Object.fromEntries(Object.keys(expected).map((name) => [name, error[name]]));
  assert.deepEqual(seen, expected);
  return true;
}

test("an error within a stream is thrown after the events before it", async () => {
  const { script } = hanging(text.slice(0, 3));
  upstream.script((response) => {
    script(response);
    response.write('data: {"error": {"message": "Broken.", "type": "server_error", "param": null, "code": null}}\n\n');
    response.end();
  });
  const stream = await client.chat.completions.create({ model: "m", messages, stream: true });
  const seen = [];
  await assert.rejects(async () => {
    for await (const event of stream) seen.push(event);
  }, OpenAI.APIError);
  assert.deepEqual(seen, text.slice(0, 3));
});

test("the client retries what may pass", async () => {
  const busy = json({ error: { message: "Busy.", type: "t", param: null, code: null } }, 503, { "retry-after-ms": "10" });
  upstream.script(busy, busy, json(completion));
  const answer = await client.withOptions({ maxRetries: 2 }).chat.completions.create({ model: "m", messages });
  assert.equal(answer.choices[0].message.content, pieces.join(""));
  assert.equal(upstream.received.length, 3);
});

test("models are the routes", async () => {
  const { data } = await client.models.list();
  assert.deepEqual(data.map(({ id }) => id), ["m", "mock"]);
});

test("the bundled mock provider says the same as an answer and as a stream", async () => {
  const whole = await client.chat.completions.create({ model: "mock", messages });
  const streamed = await collected(await client.chat.completions.create({ model: "mock", messages, stream: true }));
  assert.ok(whole.choices[0].message.content);
  assert.equal(streamed.map(({ choices }) => choices[0].delta.content ?? "").join(""), whole.choices[0].message.content);
});
