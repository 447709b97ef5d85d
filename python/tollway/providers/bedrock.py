"""Amazon Bedrock: Converse, which it has for nearly every model that answers.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
.../API_runtime_ConverseStream.html. A model is asked for by its name, the name or ARN of an inference profile, or the
ARN of a provisioned or imported model. Another endpoint (FIPS, VPC, another partition) is a `base_url`.
"""

from tollway.providers.contract import Option, Provider, Quirks

REGION = Option("aws_region", "word", None, "The region of AWS whose endpoint is asked, as `us-east-1`.", True)
BASE_URL = "https://bedrock-runtime.{aws_region}.amazonaws.com"
ACCEPT = "*/*"
"""What the body is read as follows from its type: JSON, or AWS's event stream."""

PROVIDER = Provider(
    title="Amazon Bedrock",
    evidence="recorded",
    dialects=("bedrock",),
    base_url=BASE_URL,
    # A Bedrock API key is a bearer token: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html.
    headers={"accept": ACCEPT},
    other=Quirks(
        set={
            "guardrailConfig.guardrailIdentifier": "{guardrail}",
            "guardrailConfig.guardrailVersion": "{guardrail_version}",
        }
    ),
    auth="aws",
    options=(
        REGION,
        Option("guardrail", "word", None, "The identifier of a guardrail of Bedrock's that every request has."),
        Option("guardrail_version", "word", None, "Its version: a number, or `DRAFT`."),
    ),
)
