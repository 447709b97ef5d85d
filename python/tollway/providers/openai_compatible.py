"""Any server that speaks OpenAI's dialect: vLLM, Ollama, llama.cpp, a self-hosted gateway."""

from tollway.providers.contract import Provider

PROVIDER = Provider(title="OpenAI-compatible server")
