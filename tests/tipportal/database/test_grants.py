"""An attacker who controls a role's database user: what each user cannot do, tried as that user."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test import RequestFactory
from django.utils import timezone

from core.row_insertion import insert_row
from tests.tips.desk import officers
from tests.tips.files import sealed_files
from tips import conversation, form_tokens, intake, receipts
from tips.callers import form_counts, marks
from tips.callers.routes import TipRoute
from tips.models import Attachment, CallerFormCount, Category, Message, Tip, Unit
from tips.source import inbox_session, receipt_change

pytestmark = pytest.mark.django_db

ROLES_BUT_STAFF = ("public", "alerts", "bulk", "media")


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """Run as the role's PostgreSQL user, within a transaction."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE portal_{role}")
        yield
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


def is_refused(role: str, sql: str, *values: object) -> bool:
    try:
        with acting_as(role), connection.cursor() as cursor:
            cursor.execute(sql, values)
    except DatabaseError as error:
        return any(words in str(error) for words in ("permission denied", "row-level security", "must be owner"))
    return False


@pytest.fixture
def session() -> inbox_session.InboxSession:
    report = intake.Report(category=Category.objects.first(), description="Two men")
    receipt = intake.accept_tip(report, form_tokens.read(form_tokens.issue()))
    return inbox_session.find_session(receipts.stretch_receipt(receipt))


REFUSED_TO_ALL_BUT_STAFF = (
    "SELECT password FROM core_account",
    "UPDATE core_account SET is_superuser = true",
    "INSERT INTO core_account_groups (account_id, group_id) VALUES (1, 1)",
    "SELECT * FROM django_session",
    "SELECT * FROM core_staffsession",
    "UPDATE core_staffsession SET is_locked = false",
    "SELECT * FROM django_admin_log",
    "SELECT * FROM core_auditentry",
    "SELECT * FROM core_consentrequest",
    "SELECT * FROM core_supervisorappointment",
    "UPDATE core_consentrequest SET state = 'given'",
    "INSERT INTO core_signinlink (purpose, person, made_by, made_at, expires_at) VALUES ('', '{}', '', now(), now())",
    "INSERT INTO core_auditentry (at, actor, action, subject, detail, seal) VALUES (now(), '', '', '', '', '')",
    "SELECT tip_id FROM tips_wall",
    "UPDATE tips_alertchannel SET host = ''",
    "SELECT account_id FROM tips_wall_readers",
    "SELECT tip_id FROM tips_arrival",
    "SELECT secret FROM staff_channel",
    "DELETE FROM tips_arrival",
    "SELECT body FROM tips_note",
    "INSERT INTO tips_callermarkkey (public_key) VALUES ('\\x00')",
    "DELETE FROM tips_callermarkkey",
    "SELECT * FROM tips_callerformcount",
    "SELECT key_for_agency FROM tips_noteskey",
    "INSERT INTO tips_agencykey (id, created_at) VALUES ('0123456789abcdef', now())",
    "DELETE FROM tips_agencykey",
    "DELETE FROM tips_tip",
    "UPDATE tips_tip SET key_for_agency = ''",
    "UPDATE tips_tip SET legal_hold = false",
    "UPDATE tips_message SET read = true",
    "DELETE FROM tips_message",
    "TRUNCATE tips_message",
    "UPDATE tips_category SET active = false",
    "UPDATE tips_category SET is_sensitive = false",
    "INSERT INTO tips_category_readers (category_id, account_id) VALUES (1, 1)",
    "INSERT INTO tips_unit_members (unit_id, account_id) VALUES (1, 1)",
    "UPDATE tips_tip SET unit_id = NULL",
    "SELECT * FROM tips_referral",
    "CREATE TABLE mine (id int)",
    "ALTER TABLE tips_message DISABLE ROW LEVEL SECURITY",
    "CREATE ROLE intruder SUPERUSER",
    "ALTER ROLE portal_media SUPERUSER",
    "GRANT portal_owner TO CURRENT_USER",
    "SELECT pg_read_file('/etc/hostname')",
    "COPY tips_category TO PROGRAM 'true'",
)


@pytest.mark.parametrize("role", ROLES_BUT_STAFF)
def test_roles_other_than_staff_are_refused(role: str) -> None:
    assert [sql for sql in REFUSED_TO_ALL_BUT_STAFF if not is_refused(role, sql)] == []


@pytest.mark.parametrize("role", ["public", "bulk", "media"])
def test_others_do_not_see_who_is_alerted_when(role: str) -> None:
    for sql in (
        "SELECT next_step_at FROM tips_alert",
        "SELECT acknowledged_by_id FROM tips_alert",
        "UPDATE tips_alert SET is_unanswered = false",
        "SELECT * FROM tips_notification",
        "SELECT kind FROM tips_alertchannel",
        "SELECT * FROM tips_shift",
        "SELECT * FROM tips_dayoff",
    ):
        assert is_refused(role, sql), sql


def test_the_alerts_worker_alone_reads_the_secret_of_a_channel() -> None:
    for role in ("public", "staff", "bulk", "media"):
        assert is_refused(role, "SELECT address FROM tips_alertchannel")
        assert is_refused(role, "SELECT sealed_address FROM tips_alertchannel")
    assert not is_refused("alerts", "SELECT address, sealed_address FROM tips_alertchannel")
    assert is_refused("alerts", "UPDATE tips_alertchannel SET officer_id = NULL")
    assert is_refused("staff", "UPDATE tips_alertchannel SET officer_id = NULL")


@pytest.mark.parametrize("role", ["alerts", "bulk", "media"])
def test_workers_read_no_sealed_text(role: str) -> None:
    assert is_refused(role, "SELECT report FROM tips_tip")
    assert is_refused(role, "SELECT body FROM tips_message")


def test_public_reads_no_account_at_all() -> None:
    for column in ("id", "username", "email"):
        assert is_refused("public", f"SELECT {column} FROM core_account")
    assert is_refused("public", "SELECT * FROM auth_group")


@pytest.mark.parametrize("table", ["tips_unit", "tips_unit_members", "tips_category_readers"])
def test_only_staff_and_the_alerts_worker_read_who_sees_which_tips(table: str) -> None:
    for role in ("public", "bulk", "media"):
        assert is_refused(role, f"SELECT * FROM {table}")
    assert not is_refused("alerts", f"SELECT * FROM {table}")


def test_the_public_role_cannot_choose_the_unit_of_a_tip(session: inbox_session.InboxSession) -> None:
    unit = Unit.objects.create(name="Narcotics")
    tip = Tip.objects.get(pk=session.tip.pk)
    tip.pk, tip.number, tip.unit = uuid.uuid4(), 1, unit
    tip.form_hash, tip.token_hash, tip.key_for_source = b"another form", None, None
    with acting_as("public"):
        insert_row(tip)
    assert Tip.objects.get(pk=tip.pk).unit is None


def test_public_can_store_a_tip_and_a_message(session: inbox_session.InboxSession) -> None:
    with acting_as("public"):
        report = intake.Report(category=Category.objects.first(), description="Another")
        receipt = intake.accept_tip(report, form_tokens.read(form_tokens.issue()))
        other = inbox_session.find_session(receipts.stretch_receipt(receipt))
        assert conversation.add_from_source(other.tip, other.key, "More", b"1")
        assert [entry.text for entry in other.read().messages] == ["More"]
        intake.mark_receipt_seen(token_hash=receipts.stretch_receipt(receipt).token_hash)
    assert Tip.objects.filter(receipt_seen=True).count() == 1


@pytest.fixture
def attachment(session: inbox_session.InboxSession) -> Attachment:
    conversation.add_from_source(
        session.tip, session.key, "A photo", b"1", [sealed_files.store_upload(sealed_files.photo())]
    )
    return Attachment.objects.get()


COLUMNS_OF_A_FILE = (
    "id, position, label, received_at, state, reason, progress, attempts, started_at, file, key_for_agency, worker_key,"
    " key_for_worker, agency_key_id, tip_id, message_id"
)


def test_the_media_worker_cannot_read_the_tip_or_label_of_a_file(attachment: Attachment) -> None:
    for column in ("tip_id", "message_id", "position", "label"):
        assert is_refused("media", f"SELECT {column} FROM tips_attachment")
    for sql in (
        "UPDATE tips_attachment SET label = ''",
        "UPDATE tips_attachment SET received_at = now()",
        "DELETE FROM tips_attachment",
        "INSERT INTO tips_attachment (id) VALUES (gen_random_uuid())",
        "SELECT number FROM tips_tip",
        "SELECT id FROM tips_tip",
        "SELECT id FROM tips_message",
        "SELECT id FROM tips_agencykey",
    ):
        assert is_refused("media", sql)


@pytest.mark.parametrize("role", ["alerts", "bulk"])
def test_other_workers_have_no_rights_on_files(role: str, attachment: Attachment) -> None:
    for sql in (
        "SELECT id FROM tips_attachment",
        "UPDATE tips_attachment SET progress = 1",
        "DELETE FROM tips_attachment",
    ):
        assert is_refused(role, sql)


def test_public_inserts_files_as_received_and_cannot_change_them(attachment: Attachment) -> None:
    for sql in ("UPDATE tips_attachment SET key_for_agency = ''", "DELETE FROM tips_attachment"):
        assert is_refused("public", sql)
    copy = f"INSERT INTO tips_attachment ({COLUMNS_OF_A_FILE}) SELECT {COLUMNS_OF_A_FILE} FROM tips_attachment"
    fresh = "gen_random_uuid(), 9, label, received_at"
    rest = "key_for_agency, worker_key, key_for_worker, agency_key_id, tip_id, message_id"
    for standing in (
        "'ready', '', 100, 1, now(), gen_random_uuid()",
        "'refused', 'damaged', 0, 1, now(), NULL",
        "'received', '', 0, 0, NULL, gen_random_uuid()",
        "'received', '', 0, 2, NULL, id",
    ):
        forged = copy.replace(f"SELECT {COLUMNS_OF_A_FILE}", f"SELECT {fresh}, {standing}, {rest}")
        assert is_refused("public", forged)


def test_staff_can_change_a_files_key_and_nothing_else(attachment: Attachment) -> None:
    with acting_as("staff"), connection.cursor() as cursor:
        cursor.execute("UPDATE tips_attachment SET key_for_agency = key_for_agency, agency_key_id = agency_key_id")
    for column, value in (("label", "''"), ("file", "NULL"), ("state", "'ready'"), ("tip_id", "tip_id")):
        assert is_refused("staff", f"UPDATE tips_attachment SET {column} = {value}")
    assert is_refused("staff", "DELETE FROM tips_attachment")


def test_public_cannot_write_a_message_as_staff(session: inbox_session.InboxSession) -> None:
    assert is_refused(
        "public",
        "INSERT INTO tips_message (id, position, body, written_at, author, form_hash, read, tip_id)"
        " VALUES (%s, 9, '', now(), 'staff', 'x', true, %s)",
        uuid.uuid4(),
        session.tip.id,
    )


def test_public_can_erase_a_tip_only_with_its_token(session: inbox_session.InboxSession) -> None:
    assert is_refused("public", "SELECT tip_erase(%s)", session.tip.id)
    assert is_refused("public", "SELECT tips_expire(interval '0')")
    with acting_as("public"):
        conversation.delete_by_source(bytes(session.tip.token_hash))
    assert Tip.objects.exists()
    with acting_as("public"):
        conversation.delete_by_source(session.token)
    assert not Tip.objects.exists()


def test_a_receipt_is_replaced_only_with_the_present_token(session: inbox_session.InboxSession) -> None:
    replaced = "SELECT receipt_replace(%s, %s, %s)"
    for role in ("staff", "alerts", "bulk", "media"):
        assert is_refused(role, replaced, session.token, bytes(32), bytes(80))
    with acting_as("public"), connection.cursor() as cursor:
        for token, token_hash, key in (
            (bytes(session.tip.token_hash), bytes(32), bytes(80)),
            (session.token, b"short", bytes(80)),
            (session.token, bytes(32), bytes(81)),
        ):
            cursor.execute(replaced, [token, token_hash, key])
            assert cursor.fetchone() == (False,)
        cursor.execute(replaced, [session.token, bytes(32), bytes(80)])
        assert cursor.fetchone() == (True,)
    assert bytes(Tip.objects.get().token_hash) == bytes(32)


def test_the_public_role_takes_a_tip_for_a_caller_and_the_staff_role_makes_the_mark() -> None:
    officer = officers.create_officer()
    with acting_as("staff"):
        form_counts.count_form(officer)
        CallerFormCount.objects.update(day=timezone.localdate() - dt.timedelta(days=1))
        assert form_counts.record_past_days() == 1
        mark = marks.make(TipRoute.PHONE)
    with acting_as("public"):
        token = form_tokens.read(form_tokens.issue(marks.redeem(mark)))
        report = intake.Report(category=Category.objects.first(), description="Two men")
        secret = receipts.stretch_receipt(intake.accept_tip(report, token))
        session = inbox_session.find_session(secret)
        assert receipt_change.is_due(session.read())
        receipt_change.replace(RequestFactory().get("/"), session, words := receipt_change.draw_words())
        assert inbox_session.find_session(secret) is None
        replaced = inbox_session.find_session(receipts.stretch_receipt(words))
        assert not receipt_change.is_due(replaced.read())


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO core_account (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)"
        " VALUES ('x', true, 'intruder', '', '', '', true, true, now())",
        "DELETE FROM tips_tip",
        "UPDATE tips_tip SET report = ''",
        "UPDATE tips_message SET body = ''",
        "DELETE FROM tips_message",
        "DELETE FROM tips_note",
        "TRUNCATE core_auditentry",
        "UPDATE core_auditentry SET actor = 'somebody'",
        "DELETE FROM core_auditentry",
        "DROP TRIGGER audit_append_only ON core_auditentry",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
    ],
)
def test_staff_cannot_rewrite_history_or_make_superusers(sql: str) -> None:
    refusals = "permission denied|must be owner|append-only|only the owner"
    with pytest.raises(DatabaseError, match=refusals), acting_as("staff"), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize("column", ["sealed_contact", "address_hash", "link_hash", "asked_at"])
@pytest.mark.parametrize("table", ["outreach_reminder", "crimemap_subscription"])
def test_staff_cannot_read_subscribers_addresses(table: str, column: str) -> None:
    assert is_refused("staff", f"SELECT {column} FROM {table}")
    assert not is_refused("staff", f"SELECT id, confirmed_at FROM {table}")


def test_a_table_named_like_a_catalog_makes_no_superuser() -> None:
    """A function searches pg_temp before pg_catalog unless it sets its search_path."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        cursor.execute(f'GRANT TEMPORARY ON DATABASE "{cursor.fetchone()[0]}" TO portal_staff')
    intruder = (
        "INSERT INTO core_account (password, is_superuser, username, first_name, last_name, email, is_staff,"
        " is_active, date_joined) VALUES ('x', true, 'intruder', '', '', '', true, true, now())"
    )
    with acting_as("staff"), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE pg_tables (schemaname text, tablename text, tableowner text)")
        cursor.execute("INSERT INTO pg_tables VALUES ('public', 'core_account', 'portal_staff')")
        with pytest.raises(DatabaseError, match="only the owner"), transaction.atomic():
            cursor.execute(intruder)


def test_not_even_the_owner_can_change_an_audit_entry() -> None:
    for sql in ("UPDATE core_auditentry SET actor = 'somebody'", "DELETE FROM core_auditentry"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


def test_portal_all_has_the_rights_of_public_and_staff(session: inbox_session.InboxSession) -> None:
    with acting_as("all"):
        assert Message.objects.count() == 0
        assert Tip.objects.count() == 1
    assert is_refused("all", "CREATE TABLE mine (id int)")
