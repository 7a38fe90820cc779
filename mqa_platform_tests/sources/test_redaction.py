from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.mapping import Mappings
from mqa_platform.policy.sources import Source
from mqa_platform.sources.landed import RAW_LIMIT, Landed, SourceError, conform, defects
from mqa_platform.sources.landing_report import plain_text
from mqa_platform.sources.personal_key import email_key
from mqa_platform.sources.redaction import redacted, without_emails, without_ips
from mqa_platform.sources.registry import CONNECTORS, read

Write = Callable[[str, str | bytes], Path]
SAME_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=8
)
# Marked with letters that no hexadecimal key has, so that a key never ends like the address.
EMAILS = st.builds(
    "".join, st.tuples(st.sampled_from(["", "#", "=", "/", "'"]), st.just("zq"), st.emails())
).filter(lambda e: e.rpartition("@")[0].count("@") == 0)
KEY = email_key("jane@acme.com")[:16]


def texts(table: pa.Table) -> list[str]:
    """Every text of a table."""
    columns = [c for c in table.schema.names if pa.types.is_string(table.schema.field(c).type)]
    return [text for c in columns for text in table[c].to_pylist() if text is not None]


def clear(landed: Landed, email: str) -> list[str]:
    """Texts of what landed, or did not, in which the address can be read."""
    tables = {**landed.tables, "landed_defects": landed.defects}
    if "landed_users" in tables:
        tables["landed_users"] = tables["landed_users"].drop_columns("email")
    found = [text for table in tables.values() for text in texts(table)]
    return [text for text in found if email.casefold() in text.casefold()]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/welcome/jane@acme.com", f"/welcome/{KEY}@acme.com"),
        ("/welcome/jane@acme.com/", f"/welcome/{KEY}@acme.com/"),
        ("/x?email=jane%40acme.com&b=1", f"/x?email={KEY}@acme.com&b=1"),
        ("JANE@acme.com, again", f"{KEY}@acme.com, again"),
        ('{"email":"jane\\u0040acme.com"}', f'{{"email":"{KEY}@acme.com"}}'),
        ("'jane@acme.com'", f"{KEY}@acme.com'"),
        ("mailto:jane@acme.com.", f"mailto:{KEY}@acme.com."),
        ("/packages/vault@1.2.0/install", "/packages/vault@1.2.0/install"),
        ("@handle at nobody", "@handle at nobody"),
        ("Webinar: 3 ways", "Webinar: 3 ways"),
    ],
)
def test_an_address_in_a_text_becomes_the_key_of_its_person(text: str, kept: str) -> None:
    assert without_emails(text) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET from 192.0.2.7 ok", "GET from 192.0.x.x ok"),
        ("192.0.2.7:443", "192.0.x.x:443"),
        ("10.0.0.0/8", "10.0.x.x/8"),
        ("[2001:db8::7]:443", "[2001:0db8:x]:443"),
        ("::ffff:192.0.2.7", "0000:0000:x"),
        ("[17/May/2015:10:05:03 +0000]", "[17/May/2015:10:05:03 +0000]"),
        ("300.1.2.3 and 1.2.3", "300.1.2.3 and 1.2.3"),
        ("std::vector::iterator", "std::vector::iterator"),
    ],
)
def test_an_ip_address_in_a_raw_row_is_cut(text: str, kept: str) -> None:
    assert without_ips(text) == kept


def test_a_raw_row_keeps_the_hash_of_what_it_was_and_nobodys_address() -> None:
    raw = "jane@acme.com;192.0.2.7;2001:db8::7;2025-07-01"
    row = defects("x", [raw], ["bad"]).to_pylist()[0]
    assert row["raw"] == f"{KEY}@acme.com;192.0.x.x;2001:0db8:x;2025-07-01"
    assert row["raw_hash"] == hashlib.md5(raw.encode(), usedforsecurity=False).hexdigest()


@given(EMAILS, st.integers(0, 80))
@settings(deadline=None)
def test_the_cut_of_a_long_raw_row_leaves_no_half_address(email: str, before: int) -> None:
    raw = "x" * (RAW_LIMIT - before - 1) + " " + email + " and more" * 20
    shown = defects("x", [raw], ["bad"])["raw"][0].as_py()
    assert email.casefold() not in shown.casefold()
    local = email.rpartition("@")[0]
    assert f"{local}@" not in shown


@given(EMAILS)
@settings(deadline=None)
def test_no_address_is_left_in_a_text_however_it_is_written(email: str) -> None:
    forms = [email, f"/a/{email}/b", f"?e={email}&x=1", f"<{email}>", json.dumps({"e": email})]
    forms += [f"?e={quote(email, safe='')}", f"{email},{email}", f"({email})"]
    for text in forms:
        shown = without_emails(text)
        assert email not in shown
        assert quote(email, safe="") not in shown


@given(EMAILS, st.text(max_size=20))
@settings(deadline=None)
def test_the_same_address_always_gets_the_same_key(email: str, around: str) -> None:
    values = pa.array([email, None, around.replace("@", ""), email])
    first, none, other, again = redacted(values).to_pylist()
    assert first == again != email
    assert (none, other) == (None, around.replace("@", ""))


def test_a_column_without_an_at_sign_is_not_touched() -> None:
    values = pa.array(["/pricing", None, "/blog"])
    assert redacted(values) is values


def test_a_landed_user_keeps_the_address_that_handoffs_go_to() -> None:
    times = pa.array([0], pa.timestamp("us", tz="UTC"))
    users = {"user_id": pa.array(["u1"]), "name": pa.array(["jane@acme.com"]), "modified_at": times}
    users |= {"email": pa.array(["jane@acme.com"])}
    row = conform("landed_users", 1, {"source": "x", "is_active": True, **users}).to_pylist()[0]
    assert (row["email"], row["name"]) == ("jane@acme.com", f"{KEY}@acme.com")


def segment(email: str) -> str:
    """Calls of every kind with the address in every text that they carry."""
    base = {
        "messageId": f"m {email}", "anonymousId": f"c-{email}", "userId": email,
        "timestamp": "2025-07-01T10:00:00Z", "traits": {"email": email, "consent": "denied"},
        "properties": {"email": email, "path": f"/hi/{email}", "topic": email},
        "context": {"ip": "192.0.2.7", "userAgent": f"agent {email}",
                    "campaign": {"name": f"to {email}"}, "consent": email},
    }  # fmt: skip
    kinds = [{"type": "page"}, {"type": "identify"}, {"type": "track", "event": "Demo Requested"},
             {"type": "track", "event": email}, {"type": email}, {"type": "page", "timestamp": ""},
             {"type": "track", "event": "Segment Consent Preference Updated"}]  # fmt: skip
    return "\n".join(json.dumps({**base, **kind}) for kind in kinds) + f"\nnot json {email}\n"


COLUMNS = (
    "id email email_address activity_date activity_type_id lead_id primary_attribute_value link "
    "campaign_id created_at updated_at AccountId Name Title Status changed_at user_id event type "
    "anonymous_id SystemModstamp CreatedDate IsDeleted Username IsActive Company Website url "
    "prospect_id visitor_id page topic domain attended_at registered_at person occurred_at date"
)


def table_of(email: str) -> str:
    """A CSV file with the columns of many vendors and the address in all of them."""
    columns = COLUMNS.split()
    cell = '"' + email.replace('"', '""') + '"'
    times = {"activity_date", "created_at", "updated_at", "changed_at", "SystemModstamp",
             "CreatedDate", "occurred_at", "date", "attended_at", "registered_at"}  # fmt: skip
    good = {"activity_type_id": "11", "Status": "denied", "IsDeleted": "false", "IsActive": "true"}
    row = [good.get(c, "2025-07-01T10:00:00Z" if c in times else cell) for c in columns]
    spoilt = [cell for _ in columns]
    return "\n".join([",".join(columns), ",".join(row), ",".join(spoilt), cell]) + "\n"


def access_log(email: str) -> str:
    when = "[17/May/2015:10:05:03 +0200]"
    path = re.sub(r"\s", "", email)
    return (
        f'192.0.2.7 - {path} {when} "GET /hi/{path}?e={path} HTTP/1.1" 200 5 "-" "x {path}"\n'
        f"192.0.2.7 {email} is not a line\n"
    )


CASES = {
    **dict.fromkeys(CONNECTORS, table_of),
    "segment_jsonl": segment,
    "apache_combined": access_log,
    **{f"salesforce {name}": table_of for name in ("Contact", "User", "Lead", "Account")},
}


@pytest.fixture(scope="module")
def mappings() -> Mappings:
    return load_policy(None).mapping


@pytest.mark.parametrize("name", CASES)
@SAME_FOLDER
@given(email=EMAILS.filter(lambda e: "'" not in e))
def test_no_connector_keeps_an_address_in_clear(
    write: Write, mappings: Mappings, name: str, email: str
) -> None:
    path = write("file.txt", CASES[name](email))
    crm, _, record = name.partition(" ")
    kind = {"connector": "crm_export", "crm": crm, "object": record}
    source = Source.model_validate({"path": str(path), **(kind if record else {"connector": name})})
    try:
        kept = clear(read("feed", source, path, mappings), email)
    except SourceError as refused:
        # Not a file of this vendor: nothing of it is kept but the message.
        kept = [text for text in [plain_text(str(refused))] if email in text]
    assert kept == []


def test_a_row_that_stands_where_the_header_should_is_not_shown_in_the_message(
    write: Write, mappings: Mappings
) -> None:
    path = write("leads.csv", "7,jane@acme.com\n8,john@acme.com\n")
    source = Source.model_validate({"connector": "marketo_leads", "path": str(path)})
    with pytest.raises(SourceError) as refused:
        read("marketo_leads", source, path, mappings)
    assert "jane@acme.com" not in plain_text(str(refused.value))
