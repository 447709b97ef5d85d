"""Keys of AWS, by botocore's chain: static keys, a profile, web identity, SSO, ECS and EKS, EC2; then a role, if asked.

<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>. No program is run for credentials
unless the configuration allows it, and nobody is asked for a code: there is nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from botocore.session import Session

from tollway.credentials.value import AwsKeys, FetchError, Value

if TYPE_CHECKING:
    from botocore.credentials import Credentials

HURRIED = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 2})
"""Of calls to STS and SSO."""

NOBODY = "no part of the AWS chain has credentials"


def fetch(given: dict[str, Any]) -> Value:
    """The keys. Raises `FetchError`."""
    try:
        session = _session(given)
        if given["role_arn"]:
            return _assumed(session, given)
        return _value(session.get_credentials())
    except ProfileNotFound:
        raise FetchError(f"there is no AWS profile `{given['profile']}`", "check `profile` and ~/.aws/config") from None
    except ClientError as error:
        said = error.response.get("Error", {})
        why = f"AWS answers {said.get('Code', 'an error')}: {said.get('Message', '')}"
        raise FetchError(why, "check the role, its trust policy, and this machine's clock") from None
    except RuntimeError:
        # What botocore raises of keys in the environment that say when they expire.
        raise FetchError("the keys have expired", "give new ones, and start Tollway anew") from None
    except BotoCoreError as error:
        raise FetchError(str(error), "check the network, and the AWS variables and files of this process") from None


def _session(given: dict[str, Any]) -> Session:
    session = Session(profile=given["profile"])
    session.set_default_client_config(HURRIED)
    if given["region"]:
        session.set_config_variable("region", given["region"])
    if given["access_key_id"]:
        session.set_credentials(given["access_key_id"], given["secret_access_key"], given["session_token"])
    # The session reads its files once, and its whole chain goes by this.
    for profile in session.full_config["profiles"].values():
        profile.pop("mfa_serial", None)
        if not given["credential_process"]:
            profile.pop("credential_process", None)
    return session


def _assumed(session: Session, given: dict[str, Any]) -> Value:
    """What STS gives for the role; whoever the chain says asks for it."""
    if session.get_credentials() is None:
        raise FetchError(f"{NOBODY} to assume the role with", "see docs/credentials.md for what it looks at")
    asked = {"RoleArn": given["role_arn"], "RoleSessionName": given["session_name"]}
    if given["external_id"]:
        asked["ExternalId"] = given["external_id"]
    client = session.create_client("sts")
    try:
        found = client.assume_role(**asked)["Credentials"]
    finally:
        client.close()
    keys = AwsKeys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    return Value(found["Expiration"].timestamp(), aws=keys)


def _value(credentials: Credentials | None) -> Value:
    if credentials is None:
        raise FetchError(NOBODY, "see docs/credentials.md for what it looks at")
    frozen = credentials.get_frozen_credentials()
    # botocore tells nobody when they expire, unless they are asked for anew; a test holds it to this name.
    ends = getattr(credentials, "_expiry_time", None)
    keys = AwsKeys(frozen.access_key, frozen.secret_key, frozen.token)
    return Value(None if ends is None else ends.timestamp(), aws=keys)
