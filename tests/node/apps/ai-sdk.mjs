// Applications made with Vercel's AI SDK, over each of its providers that a gateway can stand in for.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const report = z.object({ city: z.string(), degrees: z.number().int() });
const place = z.object({ city: z.string(), days: z.number().int() });

function app(model) {
  return async (errand, words) => {
    const ran = [];
    const execute = (given) => {
      ran.push(given);
      return words.measured;
    };
    const asked = {
      model: model(errand),
      system: words.system,
      prompt: words.question,
      maxRetries: 0,
      stopWhen: stepCountIs(4),
      ...(["tool", "schema"].includes(errand.task) && {
        tools: { get_weather: tool({ description: words.weather, inputSchema: place, execute }) },
      }),
      ...(["form", "schema"].includes(errand.task) && { output: Output.object({ schema: report }) }),
    };
    let failure;
    const said = errand.stream
      ? streamText({ ...asked, onError: ({ error }) => (failure ??= error) })
      : await generateText(asked);
    if (errand.stream) await said.consumeStream();
    if (failure) throw failure;
    const used = await said.totalUsage;
    return {
      text: asked.output ? "" : await said.text,
      report: asked.output ? await said.output : null,
      ran,
      input: used.inputTokens,
      output: used.outputTokens,
      summed: true,
      stop: await said.finishReason,
    };
  };
}

const openai = ({ url, key }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
const anthropic = ({ url, key }) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key });
const google = ({ url, key }) => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: key });
const compatible = ({ url, key }) =>
  createOpenAICompatible({
    name: "tollway",
    baseURL: `${url}/v1`,
    apiKey: key,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });

export const APPS = {
  "ai-sdk-openai-chat": app((errand) => openai(errand).chat(errand.route)),
  "ai-sdk-openai-responses": app((errand) => openai(errand).responses(errand.route)),
  "ai-sdk-openai-compatible": app((errand) => compatible(errand)(errand.route)),
  "ai-sdk-anthropic": app((errand) => anthropic(errand)(errand.route)),
  "ai-sdk-google": app((errand) => google(errand)(errand.route)),
};
