-- What the database itself refuses or does, whoever asks. Applied by `manage.py migrate`, any number of times.

-- The audit trail is append-only.
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END $$;
CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON tipportal_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- Nobody makes a superuser but the owner of the database.
CREATE OR REPLACE FUNCTION superuser_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.is_superuser AND NOT pg_has_role(current_user, (SELECT tableowner FROM pg_tables
            WHERE schemaname = TG_TABLE_SCHEMA AND tablename = TG_TABLE_NAME), 'MEMBER') THEN
        RAISE EXCEPTION 'only the owner of the database makes a superuser';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER superuser_only_by_owner BEFORE INSERT OR UPDATE ON tipportal_account
    FOR EACH ROW EXECUTE FUNCTION superuser_refuse();

-- Erase one tip with all that hangs on it: the sealed keys first, so that no half-erased tip can be opened.
CREATE OR REPLACE FUNCTION tip_erase(erased uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE tips_tip SET key_for_agency = '', key_for_source = NULL, token_hash = NULL WHERE id = erased;
    UPDATE tips_attachment SET key_for_agency = '' WHERE tip_id = erased;
    DELETE FROM tips_notification WHERE alert_id IN (SELECT id FROM tips_alert WHERE tip_id = erased);
    DELETE FROM tips_alert WHERE tip_id = erased;
    DELETE FROM tips_noteskey WHERE tip_id = erased;
    DELETE FROM tips_note WHERE tip_id = erased;
    DELETE FROM tips_attachment WHERE tip_id = erased;
    DELETE FROM tips_message WHERE tip_id = erased;
    DELETE FROM tips_tip WHERE id = erased;
END $$;

-- The source's own deletion. Whoever has no look-up token deletes nothing, even with the public role's database user.
-- Under legal hold, which only an opened tip can have, access is cut and the tip kept. Returns whether there was a tip.
CREATE OR REPLACE FUNCTION source_delete(token bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tip record;
BEGIN
    SELECT id, legal_hold INTO tip FROM tips_tip WHERE token_hash = sha256(token) FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF tip.legal_hold THEN
        UPDATE tips_tip SET key_for_source = NULL, token_hash = NULL WHERE id = tip.id;
    ELSE
        PERFORM tip_erase(tip.id);
    END IF;
    RETURN true;
END $$;

-- Erase closed tips whose time is over. Returns how many.
CREATE OR REPLACE FUNCTION tips_expire(kept interval) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tip record;
    erased integer := 0;
BEGIN
    FOR tip IN SELECT id FROM tips_tip WHERE closed_at < now() - kept AND NOT legal_hold
               ORDER BY closed_at LIMIT 500 FOR UPDATE SKIP LOCKED LOOP
        PERFORM tip_erase(tip.id);
        erased := erased + 1;
    END LOOP;
    RETURN erased;
END $$;

REVOKE EXECUTE ON FUNCTION tip_erase, source_delete, tips_expire FROM PUBLIC;

-- Incidents are written by the million, so their references are not constraints; what they refer to stays all the same.
CREATE OR REPLACE FUNCTION incident_reference_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    name text;
    used boolean;
BEGIN
    FOREACH name IN ARRAY TG_ARGV LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM crimemap_incident WHERE %I = $1)', name) INTO used USING OLD.id;
        IF used THEN
            RAISE EXCEPTION 'incidents refer to this row of %', TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation';
        END IF;
    END LOOP;
    RETURN OLD;
END $$;
CREATE OR REPLACE TRIGGER source_of_incidents_stays BEFORE DELETE ON crimemap_source
    FOR EACH ROW EXECUTE FUNCTION incident_reference_refuse('source_id');
CREATE OR REPLACE TRIGGER code_of_incidents_stays BEFORE DELETE ON crimemap_offencecode
    FOR EACH ROW EXECUTE FUNCTION incident_reference_refuse('offence_code_id');
CREATE OR REPLACE TRIGGER import_of_incidents_stays BEFORE DELETE ON crimemap_importrun
    FOR EACH ROW EXECUTE FUNCTION incident_reference_refuse('first_run_id', 'last_run_id');

-- Only a table's owner may have PostgreSQL look at how many rows it holds and what is in them.
CREATE OR REPLACE FUNCTION incidents_analyze() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS 'ANALYZE public.crimemap_incident';
REVOKE EXECUTE ON FUNCTION incidents_analyze FROM PUBLIC;
