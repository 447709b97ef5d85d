"""The bundled mock: answers as OpenAI would, from the data plane itself, with no network and no key."""

from tollway.providers.contract import Option, Provider

PROVIDER = Provider(
    title="Bundled mock",
    evidence="recorded",
    kind="mock",
    options=(
        Option("latency", "delay", "0s", "Time until the first byte of an answer."),
        Option("chunk_gap", "delay", "0s", "Time between two chunks of a stream."),
        Option("chunks", "count", 16, "Content chunks of a stream; words of an answer that is not one."),
        Option("error", "status", None, "Status of an error that is answered instead: 400 to 599."),
        Option("cut_after", "count", None, "Bytes of the body after which the connection is cut."),
    ),
)
