"""Anthropic's models on Amazon Bedrock by InvokeModel, in Anthropic's own Messages, for what Converse cannot say.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html and
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html. A guardrail of
Bedrock's is a header here: `headers = { X-Amzn-Bedrock-GuardrailIdentifier = "…" }`, and `-GuardrailVersion`.
"""

from tollway.providers.bedrock import ACCEPT, BASE_URL, REGION
from tollway.providers.contract import Provider, Quirks

# A model's name is one segment of the path, however many slashes and colons an ARN has.
_MODEL = "/model/{model:segment}"

PROVIDER = Provider(
    title="Amazon Bedrock, Anthropic's Messages",
    evidence="recorded",
    dialects=("anthropic",),
    base_url=BASE_URL,
    paths={
        "anthropic": f"{_MODEL}/invoke",
        "anthropic:stream": f"{_MODEL}/invoke-with-response-stream",
        # Counted here: CountTokens takes the body in base64, within another.
        "count": "",
    },
    headers={"accept": ACCEPT},
    other=Quirks(
        # The path says both.
        omit=("model", "stream"),
        set={"anthropic_version": "bedrock-2023-05-31"},
        headers={"anthropic-beta": "anthropic_beta"},
    ),
    auth="aws",
    options=(REGION,),
)
