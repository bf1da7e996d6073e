"""How one is let into an org: which variables decide, and what is signed."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from orchestration.errors import SettingsError
from orchestration.ingest.crm.salesforce_login import _question, variables
from orchestration.setting_sources import SalesforceSource


@pytest.mark.parametrize(
    ("instance", "audience"),
    [
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
    ],
)
def test_a_key_signs_for_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance: str, audience: str
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "key.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    monkeypatch.setenv("ZEVEN_SF_CLIENT_ID", "the app")
    monkeypatch.setenv("ZEVEN_SF_USERNAME", "zeven@acme.example")
    source = SalesforceSource(kind="salesforce", instance=instance)
    for given in (str(file), file.read_text().replace("\n", "\\n")):
        monkeypatch.setenv("ZEVEN_SF_PRIVATE_KEY", given)
        names = variables("sf")
        assert names == ["ZEVEN_SF_CLIENT_ID", "ZEVEN_SF_USERNAME", "ZEVEN_SF_PRIVATE_KEY"]
        question = _question("sf", source, names)
        claims = jwt.decode(question["assertion"], key.public_key(), algorithms=["RS256"], audience=audience)
        assert (claims["iss"], claims["sub"]) == ("the app", "zeven@acme.example")
        assert "PRIVATE" not in str(question)
    for wrong in ("no file", "-----BEGIN nonsense-----"):
        monkeypatch.setenv("ZEVEN_SF_PRIVATE_KEY", wrong)
        with pytest.raises(SettingsError, match="ZEVEN_SF_PRIVATE_KEY"):
            _question("sf", source, names)
