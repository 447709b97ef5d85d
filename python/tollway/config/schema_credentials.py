"""`auth` of `[providers.X]`: where a credential comes from that is fetched, and refreshed ahead of its expiry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tollway.config.fields import BaseUrl, FilePath, Many, SecretRef, Settings

Text = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[\x20-\x7e]+$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
# Counted repetitions of `\S` and `\w`, which have the whole of Unicode, made validators of nine megabytes.
RoleArn = Annotated[str, StringConstraints(pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:role/[\x21-\x7e]+$", max_length=600)]
SessionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@-]{2,64}$")]


class AwsAuth(Settings):
    """`type = "aws"`: requests are signed (SigV4) with keys of AWS's chain, of a profile, of a role, or static ones."""

    type: Literal["aws"] = Field(description="Keys of AWS, to sign with.")
    access_key_id: SecretRef | None = Field(default=None, description="A static key; with `secret_access_key`.")
    secret_access_key: SecretRef | None = Field(default=None, description="The static key's secret.")
    session_token: SecretRef | None = Field(default=None, description="Of static keys that are temporary.")
    profile: Text | None = Field(default=None, description="A profile of ~/.aws; AWS's whole chain if not given.")
    role_arn: RoleArn | None = Field(default=None, description="A role to assume with whatever else is given.")
    external_id: SecretRef | None = Field(default=None, description="What the role's trust policy may ask for.")
    session_name: SessionName = Field(default="tollway", description="How the role's session is called, in CloudTrail.")
    region: Region | None = Field(
        default=None,
        description="For signing, and for STS; from `base_url`, the variables or the profile if not given.",
    )
    service: Region = Field(default="bedrock", description="The service that requests are signed for.")
    credential_process: bool = Field(default=False, description="Whether a profile may name a program to run for keys.")


class GoogleAuth(Settings):
    """`type = "google"`: a bearer token of Google Cloud, of a file, or by Application Default Credentials."""

    type: Literal["google"] = Field(description="A token of Google Cloud.")
    file: FilePath | None = Field(
        default=None,
        description="A service account's key, or a configuration of workload identity federation; if not given, what "
        "GOOGLE_APPLICATION_CREDENTIALS names, gcloud's own, or the metadata server.",
    )
    scopes: Annotated[Many[Text], Field(min_length=1, max_length=20)] = Field(
        default=("https://www.googleapis.com/auth/cloud-platform",), description="What the token is for."
    )
    impersonate: Annotated[str, StringConstraints(pattern=r"^[^@\s/]+@[^@\s/]+$")] | None = Field(
        default=None, description="The e-mail address of a service account to act as."
    )


class AzureAuth(Settings):
    """`type = "azure"`: a bearer token of Entra. Without a secret, certificate or file: a managed identity."""

    type: Literal["azure"] = Field(description="A token of Microsoft Entra.")
    tenant_id: SecretRef | None = Field(default=None, description="The tenant; AZURE_TENANT_ID if not given.")
    client_id: SecretRef | None = Field(
        default=None,
        description="The application, or the managed identity that is meant; AZURE_CLIENT_ID if not given.",
    )
    client_secret: SecretRef | None = Field(default=None, description="The application's secret.")
    certificate: FilePath | None = Field(default=None, description="PEM file of its certificate and private key.")
    token_file: FilePath | None = Field(
        default=None, description="File of a token to exchange (workload identity); AZURE_FEDERATED_TOKEN_FILE."
    )
    authority: BaseUrl | None = Field(
        default=None, description="Where Entra is; AZURE_AUTHORITY_HOST, or the public one."
    )
    scope: Text = Field(default="https://cognitiveservices.azure.com/.default", description="What the token is for.")


class IbmAuth(Settings):
    """`type = "ibm"`: a bearer token of IBM Cloud for an API key."""

    type: Literal["ibm"] = Field(description="A token of IBM Cloud.")
    api_key: SecretRef = Field(description="The API key of IBM Cloud.")
    url: BaseUrl = Field(default="https://iam.cloud.ibm.com", description="Where its IAM is.")


class OAuthAuth(Settings):
    """`type = "oauth"`: a bearer token for client credentials (RFC 6749 §4.4), as Databricks gives them."""

    type: Literal["oauth"] = Field(description="A token for client credentials.")
    token_url: BaseUrl = Field(description="The token endpoint.")
    client_id: SecretRef = Field(description="Who asks.")
    client_secret: SecretRef = Field(description="The secret of who asks.")
    scope: Text | None = Field(default=None, description="What the token is for, such as `all-apis`.")
    client_auth: Literal["basic", "body"] = Field(
        default="basic", description="Where the client's id and secret stand: a header, or the request's body."
    )


AnyAuth = Annotated[AwsAuth | GoogleAuth | AzureAuth | IbmAuth | OAuthAuth, Field(discriminator="type")]
