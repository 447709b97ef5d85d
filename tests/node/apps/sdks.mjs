// Applications made with the providers' own libraries: they run the tool themselves, or let a helper of the library do it.

import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

const schema = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
};

/** The tool, which notes what it is run with. */
function weather({ measured }) {
  const ran = [];
  const run = (given) => {
    ran.push(given);
    return measured;
  };
  return { ran, run };
}

async function chat({ url, key, route, task, stream }, words) {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const { ran, run } = weather(words);
  const described = { name: "get_weather", description: words.weather, parameters: schema };
  const asked = {
    model: route,
    messages: [{ role: "system", content: words.system }, { role: "user", content: words.question }],
    ...(stream && { stream, stream_options: { include_usage: true } }),
  };
  const offered = [{ type: "function", function: { ...described, parse: JSON.parse, function: run } }];
  const runner =
    task === "tool"
      ? client.chat.completions.runTools({ ...asked, tools: offered })
      : stream
        ? client.chat.completions.stream(asked)
        : null;
  const whole = runner ? null : await client.chat.completions.create(asked);
  const { choices } = whole ?? (await runner.finalChatCompletion());
  const used = whole?.usage ?? (await runner.totalUsage());
  return {
    text: choices[0].message.content,
    ran,
    input: used.prompt_tokens,
    output: used.completion_tokens,
    summed: true,
    stop: choices[0].finish_reason,
  };
}

async function responses({ url, key, route, task, stream }, words) {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const { ran, run } = weather(words);
  const described = { type: "function", name: "get_weather", description: words.weather, parameters: schema };
  const asked = {
    model: route,
    instructions: words.system,
    ...(task === "tool" && { tools: [{ ...described, strict: false }] }),
  };
  const input = [{ role: "user", content: words.question }];
  for (;;) {
    const ask = { ...asked, input };
    const answer = await (stream ? client.responses.stream(ask).finalResponse() : client.responses.create(ask));
    const calls = answer.output.filter(({ type }) => type === "function_call");
    if (calls.length === 0) {
      const { input_tokens, output_tokens } = answer.usage;
      return { text: answer.output_text, ran, input: input_tokens, output: output_tokens, stop: answer.status };
    }
    input.push(...answer.output);
    for (const { call_id, arguments: given } of calls) {
      input.push({ type: "function_call_output", call_id, output: run(JSON.parse(given)) });
    }
  }
}

async function anthropic({ url, key, route, task, stream }, words) {
  const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
  const { ran, run } = weather(words);
  const tools = [{ name: "get_weather", description: words.weather, input_schema: schema }];
  const asked = { model: route, max_tokens: 500, system: words.system, ...(task === "tool" && { tools }) };
  const messages = [{ role: "user", content: words.question }];
  for (;;) {
    const ask = { ...asked, messages };
    const { content, usage, stop_reason } = await (stream
      ? client.messages.stream(ask).finalMessage()
      : client.messages.create(ask));
    const calls = content.filter(({ type }) => type === "tool_use");
    if (calls.length === 0) {
      const cached = (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);
      const text = content.map(({ text }) => text ?? "").join("");
      return { text, ran, input: usage.input_tokens + cached, output: usage.output_tokens, stop: stop_reason };
    }
    messages.push({ role: "assistant", content });
    const results = calls.map(({ id, input }) => ({ type: "tool_result", tool_use_id: id, content: run(input) }));
    messages.push({ role: "user", content: results });
  }
}

async function google({ url, key, route, task, stream }, words) {
  const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });
  const { ran, run } = weather(words);
  const declared = { name: "get_weather", description: words.weather, parametersJsonSchema: schema };
  const config = {
    systemInstruction: words.system,
    ...(task === "tool" && { tools: [{ functionDeclarations: [declared] }] }),
  };
  const contents = [{ role: "user", parts: [{ text: words.question }] }];
  for (;;) {
    const ask = { model: route, contents, config };
    const answers = [];
    if (stream) for await (const one of await client.models.generateContentStream(ask)) answers.push(one);
    else answers.push(await client.models.generateContent(ask));
    const parts = answers.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
    const calls = parts.filter(({ functionCall }) => functionCall);
    const used = answers.findLast(({ usageMetadata }) => usageMetadata)?.usageMetadata;
    if (calls.length === 0) {
      const text = parts.map(({ text, thought }) => (thought ? "" : (text ?? ""))).join("");
      const stop = answers.at(-1).candidates[0].finishReason;
      return { text, ran, input: used.promptTokenCount, output: used.candidatesTokenCount, stop };
    }
    contents.push({ role: "model", parts });
    const results = calls.map(({ functionCall: { id, name, args } }) => ({
      functionResponse: { id, name, response: { result: run(args) } },
    }));
    contents.push({ role: "user", parts: results });
  }
}

export const APPS = { "node-openai-chat": chat, "node-openai-responses": responses, "node-anthropic": anthropic, "node-google": google };
