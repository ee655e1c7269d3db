-- Rules that the database itself enforces on every user. `manage.py migrate` applies this file each time.

-- The audit trail is append-only.
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END $$;
CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON core_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- Who may read a line about a tip is known as long as the tip is there. For afterwards the line keeps the tip's unit, and whether
-- all officers of the unit could see it. Not sealed: it decides who reads the line, and says nothing of who did what.
CREATE OR REPLACE FUNCTION audit_readers_set() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tip_number bigint := substring(NEW.subject from '(?:^|[ ])tip ([0-9]{1,18})(?:[ ]|$)')::bigint;
BEGIN
    NEW.unit_id := NULL;
    NEW.is_restricted := false;
    IF tip_number IS NOT NULL THEN
        SELECT tips_tip.unit_id, tips_category.is_sensitive
                OR EXISTS (SELECT FROM tips_wall WHERE tip_id = tips_tip.id AND decision <> 'released')
            INTO NEW.unit_id, NEW.is_restricted
            FROM tips_tip JOIN tips_category ON tips_category.id = category_id WHERE number = tip_number;
        NEW.is_restricted := coalesce(NEW.is_restricted, true);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER audit_readers BEFORE INSERT ON core_auditentry FOR EACH ROW EXECUTE FUNCTION audit_readers_set();

-- When a response target is due (tips/desk/queue/targets.py): `span` after `began`, by the clock or in hours on duty. These are
-- periods in order, each with the seconds on duty before it.
CREATE OR REPLACE FUNCTION duty_due(began timestamptz, span interval, is_around_clock boolean,
    begins timestamptz[], ends timestamptz[], worked double precision[]) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    period integer := width_bucket(began, begins);
    wanted double precision;
BEGIN
    IF is_around_clock THEN
        RETURN began + span;
    END IF;
    wanted := worked[period] + extract(epoch FROM least(began, ends[period]) - begins[period]) + extract(epoch FROM span);
    period := width_bucket(wanted, worked);
    RETURN begins[period] + make_interval(secs => wanted - worked[period]);
END $$;

-- Only the owner of the database can make a superuser.
CREATE OR REPLACE FUNCTION superuser_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.is_superuser AND NOT pg_has_role(current_user, (SELECT tableowner FROM pg_tables
            WHERE schemaname = TG_TABLE_SCHEMA AND tablename = TG_TABLE_NAME), 'MEMBER') THEN
        RAISE EXCEPTION 'only the owner of the database makes a superuser';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER superuser_only_by_owner BEFORE INSERT OR UPDATE ON core_account
    FOR EACH ROW EXECUTE FUNCTION superuser_refuse();

-- Erase a tip with all its rows: the sealed keys first, so that a partly erased tip cannot be opened.
CREATE OR REPLACE FUNCTION tip_erase(erased uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE tips_tip SET key_for_agency = '', key_for_source = NULL, token_hash = NULL WHERE id = erased;
    UPDATE tips_attachment SET key_for_agency = '' WHERE tip_id = erased;
    DELETE FROM tips_notification WHERE alert_id IN (SELECT id FROM tips_alert WHERE tip_id = erased);
    DELETE FROM tips_alert WHERE tip_id = erased;
    DELETE FROM tips_arrival WHERE tip_id = erased;
    DELETE FROM tips_wall_readers WHERE wall_id = erased;
    DELETE FROM tips_wall WHERE tip_id = erased;
    DELETE FROM tips_linkrecord WHERE tip_id = erased;
    DELETE FROM tips_noteskey WHERE tip_id = erased;
    DELETE FROM tips_pendingact WHERE tip_id = erased;
    DELETE FROM tips_closingrecord WHERE tip_id = erased;
    DELETE FROM tips_secondlook WHERE tip_id = erased;
    DELETE FROM tips_tipreading WHERE tip_id = erased;
    DELETE FROM tips_deskstate WHERE tip_id = erased;
    DELETE FROM tips_note WHERE tip_id = erased;
    DELETE FROM tips_referral WHERE tip_id = erased;
    DELETE FROM tips_attachment WHERE tip_id = erased;
    DELETE FROM tips_message WHERE tip_id = erased;
    DELETE FROM tips_tip WHERE id = erased;
END $$;

-- A tip goes to the unit of its category, as that is when the tip arrives: the public role can't choose another, and its list of
-- categories may be a minute old.
CREATE OR REPLACE FUNCTION tip_unit_set() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    SELECT unit_id INTO NEW.unit_id FROM tips_category WHERE id = NEW.category_id;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER tip_unit_by_category BEFORE INSERT ON tips_tip FOR EACH ROW EXECUTE FUNCTION tip_unit_set();

-- What arrives is compared with the names of staff before anybody sees it (tips/walls/screening.py): a tip with an arrival is in
-- nobody's list. Written here, so that neither a mistake nor someone who has broken into the public side can leave it out.
CREATE OR REPLACE FUNCTION arrival_note() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'tips_tip' THEN
        INSERT INTO tips_arrival (id, tip_id, is_recheck) VALUES (gen_random_uuid(), NEW.id, false);
    ELSE
        INSERT INTO tips_arrival (id, tip_id, message_id, is_recheck) VALUES (gen_random_uuid(), NEW.tip_id, NEW.id, false);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tip_arrives AFTER INSERT ON tips_tip FOR EACH ROW EXECUTE FUNCTION arrival_note();
CREATE OR REPLACE TRIGGER message_arrives AFTER INSERT ON tips_message
    FOR EACH ROW WHEN (NEW.author = 'source') EXECUTE FUNCTION arrival_note();

-- Wakes threads of the staff side that wait for a change (core/database_listener.py). A notification names its topic and holds
-- nothing else. Every user of PostgreSQL may LISTEN on a channel whose name it knows, so the name has a part that only the staff role
-- can read: someone who has broken into another role does not learn when the desk works.
CREATE TABLE IF NOT EXISTS staff_channel (secret uuid NOT NULL);
INSERT INTO staff_channel SELECT gen_random_uuid() WHERE NOT EXISTS (SELECT FROM staff_channel);
CREATE OR REPLACE FUNCTION staff_wake() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_notify(TG_ARGV[0] || ' ' || secret, '') FROM staff_channel;
    RETURN NULL;
END $$;
-- Also when a tip has been compared, by a page that somebody opened for example: its alerts can be sent on.
CREATE OR REPLACE TRIGGER arrival_wakes AFTER INSERT OR UPDATE OR DELETE ON tips_arrival
    FOR EACH STATEMENT EXECUTE FUNCTION staff_wake('arrivals');
CREATE OR REPLACE TRIGGER alert_wakes AFTER INSERT OR UPDATE OF state ON tips_alert
    FOR EACH ROW WHEN (NEW.state = 'held') EXECUTE FUNCTION staff_wake('arrivals');
-- What the pages of the desk show (tips/desk/live/). A tip that its source only marks as seen, or that is written again at night, is no
-- change.
CREATE OR REPLACE TRIGGER tip_is_shown AFTER INSERT OR DELETE
    OR UPDATE OF category_id, unit_id, state, disposition, priority, assigned_to_id, legal_hold, key_for_source ON tips_tip
    FOR EACH STATEMENT EXECUTE FUNCTION staff_wake('desk');
DO $$
DECLARE
    shown text;
BEGIN
    FOREACH shown IN ARRAY ARRAY['tips_arrival', 'tips_wall', 'tips_wall_readers', 'tips_duty', 'tips_deskstate', 'tips_pendingact'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER change_is_shown AFTER INSERT OR UPDATE OR DELETE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION staff_wake(''desk'')', shown);
    END LOOP;
END $$;
CREATE OR REPLACE TRIGGER message_is_shown AFTER INSERT OR DELETE OR UPDATE OF read ON tips_message
    FOR EACH STATEMENT EXECUTE FUNCTION staff_wake('desk');
CREATE OR REPLACE TRIGGER note_is_shown AFTER INSERT OR DELETE ON tips_note
    FOR EACH STATEMENT EXECUTE FUNCTION staff_wake('desk');
CREATE OR REPLACE TRIGGER file_is_shown AFTER INSERT OR DELETE OR UPDATE OF state ON tips_attachment
    FOR EACH STATEMENT EXECUTE FUNCTION staff_wake('desk');
REVOKE EXECUTE ON FUNCTION staff_wake FROM PUBLIC;

-- Public counts of tips (tips/statistics.py). Sensitive and walled tips are left out: an officer could subtract the tips that they
-- see, and know how many others there are. Tips are counted from the next day on: a count that moved at once would tell an observer
-- that a tip was just sent.
CREATE OR REPLACE FUNCTION tip_is_counted(tip uuid, category bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT NOT EXISTS (SELECT FROM tips_category WHERE id = category AND is_sensitive)
        AND NOT EXISTS (SELECT FROM tips_wall WHERE tip_id = tip AND decision <> 'released');
$$;
CREATE OR REPLACE FUNCTION tip_figures(today timestamptz, OUT received bigint, OUT answered bigint, OUT opened bigint, OUT median_minutes double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(*) FILTER (WHERE received_at < today),
           count(*) FILTER (WHERE received_at < today
               AND EXISTS (SELECT FROM tips_message m WHERE m.tip_id = t.id AND m.author = 'staff')),
           count(opened_after),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM opened_after)) / 60
    FROM tips_tip t WHERE tip_is_counted(t.id, t.category_id);
$$;
-- The months before the one of `today` in this time zone, oldest first. Exact counts of months beside the exact sum would give away a
-- month of few tips: the caller rounds them.
CREATE OR REPLACE FUNCTION tip_months(months integer, today timestamptz, zone text)
    RETURNS TABLE (year integer, month integer, received bigint, answered bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT extract(year FROM m)::int, extract(month FROM m)::int, count(t.id),
           count(t.id) FILTER (WHERE EXISTS (SELECT FROM tips_message s WHERE s.tip_id = t.id AND s.author = 'staff'))
    FROM generate_series(1, months) back,
         LATERAL (SELECT date_trunc('month', today AT TIME ZONE zone) - back * interval '1 month') AS past(m)
         LEFT JOIN tips_tip t ON t.received_at >= m AT TIME ZONE zone AND t.received_at < (m + interval '1 month') AT TIME ZONE zone
             AND tip_is_counted(t.id, t.category_id)
    GROUP BY m ORDER BY m;
$$;
REVOKE EXECUTE ON FUNCTION tip_is_counted, tip_figures, tip_months FROM PUBLIC;

-- When staff get a name, all tips are compared once more; they stay visible meanwhile.
CREATE OR REPLACE FUNCTION recheck_note() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' OR (NEW.first_name, NEW.last_name, NEW.badge_number, NEW.aliases)
            IS DISTINCT FROM (OLD.first_name, OLD.last_name, OLD.badge_number, OLD.aliases) THEN
        INSERT INTO tips_arrival (id, tip_id, is_recheck) SELECT gen_random_uuid(), t.id, true FROM tips_tip t
            WHERE NOT EXISTS (SELECT FROM tips_arrival a WHERE a.tip_id = t.id AND a.message_id IS NULL);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER names_of_staff_change AFTER INSERT OR UPDATE OF first_name, last_name, badge_number, aliases
    ON core_account FOR EACH ROW EXECUTE FUNCTION recheck_note();
REVOKE EXECUTE ON FUNCTION arrival_note, recheck_note FROM PUBLIC;

-- An urgent alert goes to ever more officers until one has the tip (tips/officer_alerts/escalation.py): until then its row says when
-- the next step is due. An officer has it who has opened it, and all that the source wrote since, and took it or acknowledged the
-- alert; or the tip waits for the source, is closed, is spam, or is no longer urgent.
CREATE OR REPLACE FUNCTION tip_has_officer(tip uuid, acknowledged boolean) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM tips_tip t WHERE t.id = tip AND (t.priority <> 1
        OR EXISTS (SELECT FROM tips_deskstate d WHERE d.tip_id = tip AND d.spam_since IS NOT NULL) OR t.state <> 'new'
        AND (acknowledged OR t.assigned_to_id IS NOT NULL OR t.state IN ('waiting', 'closed'))
        AND NOT EXISTS (SELECT FROM tips_message m WHERE m.tip_id = tip AND m.author = 'source' AND NOT m.read)));
$$;
CREATE OR REPLACE FUNCTION alert_settle() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    changed uuid;
BEGIN
    IF TG_TABLE_NAME = 'tips_tip' THEN
        changed := NEW.id;
    ELSE
        changed := NEW.tip_id;
    END IF;
    UPDATE tips_alert SET next_step_at = NULL, is_unanswered = false
        WHERE tip_id = changed AND (next_step_at IS NOT NULL OR is_unanswered)
            AND tip_has_officer(changed, acknowledged_by_id IS NOT NULL);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER alerts_settle AFTER UPDATE OF state, assigned_to_id, priority ON tips_tip
    FOR EACH ROW EXECUTE FUNCTION alert_settle();
CREATE OR REPLACE TRIGGER alerts_settle AFTER UPDATE OF read ON tips_message
    FOR EACH ROW EXECUTE FUNCTION alert_settle();
CREATE OR REPLACE TRIGGER alerts_settle AFTER INSERT OR UPDATE OF spam_since ON tips_deskstate
    FOR EACH ROW WHEN (NEW.spam_since IS NOT NULL) EXECUTE FUNCTION alert_settle();
-- Likewise for an alert that begins to wait when an officer has the tip already: the alerts worker can't know.
CREATE OR REPLACE FUNCTION alert_begin() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF tip_has_officer(NEW.tip_id, NEW.acknowledged_by_id IS NOT NULL) THEN
        NEW.next_step_at := NULL;
        NEW.is_unanswered := false;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER alert_begins BEFORE UPDATE OF next_step_at, is_unanswered ON tips_alert
    FOR EACH ROW WHEN (NEW.next_step_at IS NOT NULL OR NEW.is_unanswered) EXECUTE FUNCTION alert_begin();
REVOKE EXECUTE ON FUNCTION tip_has_officer, alert_settle, alert_begin FROM PUBLIC;

-- Delete a tip for its source. Without the look-up token not even the public role's user can delete one. Under legal hold,
-- which only an opened tip can have, the source loses access and the tip stays. Returns whether there was a tip.
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

-- Replace a tip's receipt for its source. Without the look-up token of the present one not even the public role's user can. Returns
-- whether the token is of a tip. It can't know whether the receipt is one that was read out: that is sealed.
CREATE OR REPLACE FUNCTION receipt_replace(token bytea, new_token_hash bytea, new_key bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF octet_length(new_token_hash) <> 32 OR octet_length(new_key) <> 80 THEN
        RETURN false;
    END IF;
    UPDATE tips_tip SET token_hash = new_token_hash, key_for_source = new_key WHERE token_hash = sha256(token);
    RETURN FOUND;
END $$;
REVOKE EXECUTE ON FUNCTION receipt_replace FROM PUBLIC;

-- Erase closed tips past their retention time. Returns their number.
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

-- Store the day on which sources first read these answers: of each tip those up to a position. Only whole days that are over, so that
-- neither a row nor a transaction says more than the day (tips/source/reading_days.py). Returns the number of answers.
CREATE OR REPLACE FUNCTION answers_read_store(read_on date, tips uuid[], positions integer[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    stored integer;
BEGIN
    UPDATE tips_message m SET source_read_on = read_on FROM unnest(tips, positions) AS r(tip, upto)
        WHERE m.tip_id = r.tip AND m.position <= r.upto AND m.author = 'staff' AND m.source_read_on IS NULL;
    GET DIAGNOSTICS stored = ROW_COUNT;
    RETURN stored;
END $$;

-- Erase a tip that has been spam for 30 days: the staff side asks, because it writes the line of the audit trail. Returns whether it did.
CREATE OR REPLACE FUNCTION spam_erase(erased uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM tips_tip t JOIN tips_deskstate s ON s.tip_id = t.id
        WHERE t.id = erased AND NOT t.legal_hold AND s.spam_since <= (now() - interval '30 days')::date FOR UPDATE OF t;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM tip_erase(erased);
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION spam_erase FROM PUBLIC;

-- Each row's xmin names the transaction that wrote it. Beside rows of the audit trail, whose time is known, that told the arrival
-- of a tip to seconds. Every night the rows about sources that were written since the last time are written again: in one
-- transaction, in random order, without those that somebody has locked. `since` is the first transaction that the next night
-- looks at (NULL: all), `done_in` the last one that wrote rows.
CREATE TABLE IF NOT EXISTS source_rewriting (since xid8, done_in xid8);
INSERT INTO source_rewriting SELECT NULL, NULL WHERE NOT EXISTS (SELECT FROM source_rewriting);

-- Returns how many rows were written. Long values are made anew with `|| ''`: PostgreSQL keeps their parts, each with an xmin of
-- its own, when an update leaves them as they are (TOAST).
CREATE OR REPLACE FUNCTION source_rows_rewrite() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    last source_rewriting;
    part record;
    place tid;
    begun xid8 := pg_snapshot_xmin(pg_current_snapshot());
    touched text := '($1 IS NULL OR age(xmin) <= age($1)) AND ($2 IS NULL OR xmin <> $2)';
    locked bigint := 0;
    wanted bigint;
    written integer := 0;
BEGIN
    SELECT * INTO last FROM source_rewriting FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    FOR part IN SELECT * FROM (VALUES
        ('tips_tip', 'report = report || '''''), ('tips_message', 'body = body || '''''), ('tips_note', 'body = body || '''''),
        ('tips_noteskey', 'key_for_agency = key_for_agency || '''''), ('tips_attachment', 'label = label || '''''),
        ('tips_wall', 'decision = decision'), ('tips_linkrecord', 'record = record || '''''), ('tips_alert', 'urgent = urgent'), ('tips_notification', 'attempts = attempts'), ('core_erasuremark', 'day = day')) AS parts(name, change) LOOP
        EXECUTE format('SELECT count(*) FROM %I WHERE ' || touched, part.name)
            INTO wanted USING last.since::xid, last.done_in::xid;
        FOR place IN EXECUTE format('SELECT ctid FROM %I WHERE ' || touched
                || ' ORDER BY random() FOR NO KEY UPDATE SKIP LOCKED', part.name) USING last.since::xid, last.done_in::xid LOOP
            EXECUTE format('UPDATE %I SET %s WHERE ctid = $1', part.name, part.change) USING place;
            written := written + 1;
            wanted := wanted - 1;
        END LOOP;
        locked := locked + greatest(wanted, 0);
    END LOOP;
    -- Rows that were locked are looked for again in the next night.
    UPDATE source_rewriting SET since = CASE WHEN locked > 0 THEN since ELSE begun END,
        done_in = CASE WHEN written > 0 THEN pg_current_xact_id() ELSE done_in END;
    RETURN written;
END $$;

-- Old versions of these rows are vacuumed within minutes, not when they make up a fifth of a table.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tips_tip', 'tips_message', 'tips_note', 'tips_noteskey', 'tips_attachment', 'tips_alert', 'tips_arrival', 'tips_wall', 'tips_linkrecord',
                                'tips_notification', 'tips_pendingact', 'tips_deskstate', 'tips_callerformcount'] LOOP
        EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)', name);
    END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION tip_erase, source_delete, tips_expire, source_rows_rewrite, answers_read_store FROM PUBLIC;

-- Incidents are inserted by the million, so their references are not foreign keys; this refuses to delete their targets.
CREATE OR REPLACE FUNCTION incident_reference_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    name text;
    used boolean;
BEGIN
    FOREACH name IN ARRAY TG_ARGV LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM crimemap_incident JOIN gone ON gone.id = %I)', name) INTO used;
        IF used THEN
            RAISE EXCEPTION 'incidents refer to this row of %', TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
-- Once a statement, not once a row: most of these columns have no index, and a source that is deleted has hundreds of imports.
DROP TRIGGER IF EXISTS source_of_incidents_stays ON crimemap_source;
DROP TRIGGER IF EXISTS code_of_incidents_stays ON crimemap_offencecode;
DROP TRIGGER IF EXISTS import_of_incidents_stays ON crimemap_importrun;
CREATE TRIGGER source_of_incidents_stays AFTER DELETE ON crimemap_source REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION incident_reference_refuse('source_id');
CREATE TRIGGER code_of_incidents_stays AFTER DELETE ON crimemap_offencecode REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION incident_reference_refuse('offence_code_id');
CREATE TRIGGER import_of_incidents_stays AFTER DELETE ON crimemap_importrun REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION incident_reference_refuse('first_run_id', 'last_run_id');

-- Staff can't delete imports. A source that was never published has only test runs: this removes them with it
-- (crimemap/onboarding/drafts.py).
CREATE OR REPLACE FUNCTION source_draft_erase(erased bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM crimemap_sourcedraft WHERE source_id = erased;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM crimemap_importproblem WHERE run_id IN (SELECT id FROM crimemap_importrun WHERE source_id = erased);
    DELETE FROM crimemap_importrun WHERE source_id = erased;
    DELETE FROM crimemap_source WHERE id = erased;
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION source_draft_erase FROM PUBLIC;

-- A preview link opens one story of the desk and its pictures until it expires; the public role can read no other
-- (outreach/stories/previews.py). `token` is the SHA-256 of the token in the link.
CREATE OR REPLACE FUNCTION story_preview(token bytea) RETURNS SETOF outreach_story
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.* FROM outreach_story s JOIN outreach_previewlink l ON l.story_id = s.id
    WHERE l.token_hash = token AND l.expires_at > clock_timestamp() AND s.status <> 'withdrawn';
$$;
CREATE OR REPLACE FUNCTION story_preview_pictures(token bytea) RETURNS SETOF outreach_picture
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p.* FROM outreach_picture p JOIN outreach_story_pictures n ON n.picture_id = p.id
    WHERE p.state = 'ready' AND n.story_id = (SELECT id FROM story_preview(token));
$$;
CREATE OR REPLACE FUNCTION story_preview_file(token bytea, wanted text, form text) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT f.content FROM outreach_picturefile f JOIN story_preview_pictures(token) p ON p.id = f.picture_id
    WHERE f.digest = wanted AND f.format = form LIMIT 1;
$$;
REVOKE EXECUTE ON FUNCTION story_preview, story_preview_pictures, story_preview_file FROM PUBLIC;

-- Update the planner's statistics of incidents, which PostgreSQL allows only to the owner of a table.
CREATE OR REPLACE FUNCTION incidents_analyze() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS 'ANALYZE public.crimemap_incident';
REVOKE EXECUTE ON FUNCTION incidents_analyze FROM PUBLIC;

-- Reminders of events. The public role has no rights on the tables: residents subscribe, confirm and unsubscribe through these
-- functions, so an attacker with its user can find no address, and no reminder without its link.
-- Store a reminder to confirm. Returns false for an unknown or past event. Does not reveal whether an address is known: it gets a mail to confirm once a day per event, and for at most three events a day.
CREATE OR REPLACE FUNCTION reminder_ask(wanted bigint, contact bytea, address bytea, link bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    event record;
    reminder uuid := gen_random_uuid();
    asked_on timestamptz := now();
    mail_state text := 'waiting';
    needless boolean;
BEGIN
    SELECT id, starts_at, moves INTO event FROM outreach_event
        WHERE id = wanted AND status = 'published' AND starts_at > now();
    IF NOT FOUND OR octet_length(address) <> 32 OR octet_length(link) <> 32 OR octet_length(contact) > 1000 THEN
        RETURN false;
    END IF;
    -- Under a flood the oldest that nobody confirmed make room. core/mail/confirmation_pace.py bounds the mails.
    PERFORM reminder_erase(id) FROM (SELECT id FROM outreach_reminder WHERE confirmed_at IS NULL
                                     ORDER BY asked_at DESC OFFSET 20000) oldest;
    PERFORM pg_advisory_xact_lock(hashtextextended(encode(address, 'hex'), 0));
    needless := EXISTS (SELECT FROM outreach_reminder WHERE event_id = event.id AND address_hash = address
                        AND (confirmed_at IS NOT NULL OR asked_at > now() - interval '1 day'))
        OR (SELECT count(*) FROM outreach_reminder WHERE address_hash = address
            AND confirmed_at IS NULL AND asked_at > now() - interval '1 day') >= 3;
    -- The same statements either way, with other values: the time until the answer would tell that an address is known. A needless
    -- row belongs to no address, its mail is settled and its link is too old; the bulk worker deletes it within minutes.
    IF needless THEN
        address := sha256(link);
        asked_on := now() - interval '30 days';
        mail_state := 'sent';
    END IF;
    PERFORM reminder_erase(id) FROM outreach_reminder WHERE event_id = event.id AND address_hash = address;
    INSERT INTO outreach_reminder (id, event_id, sealed_contact, address_hash, link_hash, asked_at, moves)
        VALUES (reminder, event.id, contact, address, link, asked_on, event.moves);
    INSERT INTO outreach_remindermail (id, reminder_id, kind, starts_at, raised_at, state, attempts, next_attempt_at)
        VALUES (gen_random_uuid(), reminder, 'confirm', event.starts_at, now(), mail_state, 0, now());
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION reminder_erase(erased uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM outreach_remindermail WHERE reminder_id = erased;
    DELETE FROM outreach_reminder WHERE id = erased;
END $$;

-- Return the event of a link and whether it is confirmed; nothing if it was not confirmed within two days.
CREATE OR REPLACE FUNCTION reminder_of(secret bytea) RETURNS TABLE (event bigint, confirmed boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT event_id, confirmed_at IS NOT NULL FROM outreach_reminder WHERE link_hash = sha256(secret)
        AND (confirmed_at IS NOT NULL OR asked_at > now() - interval '2 days');
$$;

-- Confirm a reminder. Returns whether there is one, confirmed now or before.
CREATE OR REPLACE FUNCTION reminder_confirm(secret bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE outreach_reminder SET confirmed_at = coalesce(confirmed_at, now()) WHERE link_hash = sha256(secret)
        AND (confirmed_at IS NOT NULL OR asked_at > now() - interval '2 days');
    RETURN FOUND;
END $$;

-- Unsubscribe. The address is erased at once.
CREATE OR REPLACE FUNCTION reminder_leave(secret bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM reminder_erase(id) FROM outreach_reminder WHERE link_hash = sha256(secret) FOR UPDATE;
END $$;

REVOKE EXECUTE ON FUNCTION reminder_ask, reminder_erase, reminder_of, reminder_confirm, reminder_leave FROM PUBLIC;

-- Incident alerts by email. The public role has no rights on the tables: residents subscribe, confirm, change and unsubscribe
-- through these functions, so an attacker with its user can find no address, and no alert without a link's secret.
-- Store a subscription to confirm. Returns false for values that are none. Does not reveal
-- whether an address is known: until confirmed it gets one mail a day, and it can have at most ten alerts.
CREATE OR REPLACE FUNCTION alert_ask(contact bytea, address bytea, link bytea, layer text, code text, latitude double precision,
    longitude double precision, radius integer, place text, categories text[], rhythm text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    asked bigint;
    asked_on timestamptz := now();
    mail_state text := 'waiting';
    needless boolean;
BEGIN
    IF octet_length(contact) <> 345 OR octet_length(address) <> 32 OR octet_length(link) <> 32
        OR cardinality(categories) > 200 THEN
        RETURN false;
    END IF;
    -- Under a flood the oldest that nobody confirmed make room. core/mail/confirmation_pace.py bounds the mails.
    PERFORM alert_erase(id) FROM (SELECT id FROM crimemap_subscription WHERE confirmed_at IS NULL
                                  ORDER BY asked_at DESC OFFSET 20000) oldest;
    PERFORM pg_advisory_xact_lock(hashtextextended(encode(address, 'hex'), 0));
    needless := (SELECT count(*) FROM crimemap_subscription WHERE address_hash = address) >= 10
        OR EXISTS (SELECT FROM crimemap_subscription WHERE address_hash = address
                   AND confirmed_at IS NULL AND asked_at > now() - interval '1 day');
    -- The same statements either way, with other values: the time until the answer would tell that an address is known. A needless
    -- row belongs to no address, its mail is settled and its link is too old; the bulk worker deletes it within minutes.
    IF needless THEN
        address := sha256(link);
        asked_on := now() - interval '30 days';
        mail_state := 'empty';
    END IF;
    INSERT INTO crimemap_subscription (sealed_contact, address_hash, link_hash, layer, code, latitude, longitude, radius,
                                       place, categories, rhythm, asked_at, sent_up_to)
        VALUES (contact, address, link, layer, code, latitude, longitude, radius, place, categories, rhythm, asked_on, 0)
        RETURNING id INTO asked;
    INSERT INTO crimemap_delivery (id, address_hash, confirms_id, parts, up_to, told, state, attempts, made_at, next_attempt_at)
        VALUES (gen_random_uuid(), address, asked, '[]', 0, '', mail_state, 0, now(), now());
    RETURN true;
END $$;

-- Return the alerts of a link: all confirmed alerts of its address, or the one alert it can confirm.
CREATE OR REPLACE FUNCTION alerts_of(secret bytea) RETURNS TABLE (id bigint, layer text, code text, latitude double precision,
    longitude double precision, radius integer, place text, categories text[], rhythm text, confirmed boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT id, layer, code, latitude, longitude, radius, place, categories, rhythm, confirmed_at IS NOT NULL
    FROM crimemap_subscription
    WHERE (confirmed_at IS NOT NULL
           AND address_hash = (SELECT address_hash FROM crimemap_alertlink WHERE link_hash = sha256(secret)))
        OR (confirmed_at IS NULL AND link_hash = sha256(secret) AND asked_at > now() - interval '2 days')
    ORDER BY id;
$$;

-- Confirm an alert: it covers incidents published from now on. `looked` is the day, week or month that has begun. Returns
-- whether there is one, confirmed now or before.
CREATE OR REPLACE FUNCTION alert_confirm(secret bytea, looked date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE crimemap_subscription SET confirmed_at = now(), looked_on = looked,
        sent_up_to = coalesce((SELECT max(number) FROM crimemap_edition), 0)
        WHERE link_hash = sha256(secret) AND confirmed_at IS NULL AND asked_at > now() - interval '2 days';
    IF FOUND THEN
        INSERT INTO crimemap_alertlink (link_hash, address_hash)
            SELECT link_hash, address_hash FROM crimemap_subscription WHERE link_hash = sha256(secret);
    END IF;
    RETURN FOUND OR EXISTS (SELECT FROM crimemap_alertlink WHERE link_hash = sha256(secret));
END $$;

CREATE OR REPLACE FUNCTION alert_change(secret bytea, changed bigint, new_layer text, new_code text,
    new_latitude double precision, new_longitude double precision, new_radius integer, new_place text, new_categories text[],
    new_rhythm text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF cardinality(new_categories) > 200 THEN
        RETURN false;
    END IF;
    UPDATE crimemap_subscription SET layer = new_layer, code = new_code, latitude = new_latitude, longitude = new_longitude,
        radius = new_radius, place = new_place, categories = new_categories, rhythm = new_rhythm
        WHERE id = changed AND id IN (SELECT alert.id FROM alerts_of(secret) AS alert WHERE alert.confirmed);
    RETURN FOUND;
END $$;

-- Remove one alert of the link's address, or all of them if `left_one` is NULL. With the last one the address is erased at
-- once. Returns whether there was one.
CREATE OR REPLACE FUNCTION alert_leave(secret bytea, left_one bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    mine bytea;
BEGIN
    SELECT address_hash INTO mine FROM crimemap_alertlink WHERE link_hash = sha256(secret);
    PERFORM alert_erase(alert.id) FROM alerts_of(secret) AS alert WHERE left_one IS NULL OR alert.id = left_one;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF NOT EXISTS (SELECT FROM crimemap_subscription WHERE address_hash = mine AND confirmed_at IS NOT NULL) THEN
        DELETE FROM crimemap_delivery WHERE address_hash = mine AND confirms_id IS NULL;
        DELETE FROM crimemap_alertlink WHERE address_hash = mine;
    END IF;
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION alert_erase(erased bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM crimemap_delivery WHERE confirms_id = erased;
    DELETE FROM crimemap_subscription WHERE id = erased;
END $$;

REVOKE EXECUTE ON FUNCTION alert_ask, alerts_of, alert_confirm, alert_change, alert_leave, alert_erase FROM PUBLIC;

-- Return whether there are two active supervisors: with fewer, nobody checks who is given a role that opens tips, and /privacy/ says
-- so. It is all that the public role learns about accounts.
CREATE OR REPLACE FUNCTION has_four_eyes() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(DISTINCT a.id) >= 2 FROM core_account a JOIN core_account_groups m ON m.account_id = a.id
        JOIN auth_group g ON g.id = m.group_id WHERE a.is_active AND g.name = 'supervisor';
$$;
REVOKE EXECUTE ON FUNCTION has_four_eyes FROM PUBLIC;

-- The ledger: marks of rows that a backup must not bring back (tipportal/backup/ledger.py), because they were erased, or were restricted
-- since. A mark is a keyed hash of the row's values: without this database, or a backup that is opened, it says nothing. It has a day, never
-- a time.
CREATE TABLE IF NOT EXISTS ledger_key (secret bytea NOT NULL);
INSERT INTO ledger_key SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) WHERE NOT EXISTS (SELECT FROM ledger_key);
CREATE OR REPLACE FUNCTION ledger_mark(kind text, VARIADIC parts text[]) RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT encode(substring(sha256(secret || convert_to(kind || chr(31) || array_to_string(parts, chr(31), ''), 'UTF8')) for 16), 'hex')::uuid
    FROM ledger_key;
$$;
-- Arguments of the trigger: the kind, then the columns that the mark is made of.
CREATE OR REPLACE FUNCTION ledger_note() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    noted jsonb := CASE WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW) ELSE to_jsonb(OLD) END;
    parts text[] := '{}';
BEGIN
    FOR place IN 1 .. TG_NARGS - 1 LOOP
        parts := parts || (noted ->> TG_ARGV[place]);
    END LOOP;
    INSERT INTO core_erasuremark (mark, day) VALUES (ledger_mark(TG_ARGV[0], VARIADIC parts), current_date) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION ledger_mark, ledger_note FROM PUBLIC;
CREATE OR REPLACE TRIGGER ledger_of_erased AFTER DELETE ON tips_tip FOR EACH ROW EXECUTE FUNCTION ledger_note('tip', 'id');
CREATE OR REPLACE TRIGGER ledger_of_erased AFTER DELETE ON crimemap_subscription
    FOR EACH ROW EXECUTE FUNCTION ledger_note('subscription', 'link_hash');
CREATE OR REPLACE TRIGGER ledger_of_erased AFTER DELETE ON crimemap_alertlink
    FOR EACH ROW EXECUTE FUNCTION ledger_note('alert_link', 'link_hash');
CREATE OR REPLACE TRIGGER ledger_of_erased AFTER DELETE ON outreach_reminder
    FOR EACH ROW EXECUTE FUNCTION ledger_note('reminder', 'link_hash');
CREATE OR REPLACE TRIGGER ledger_of_removed AFTER DELETE ON tips_wall_readers
    FOR EACH ROW EXECUTE FUNCTION ledger_note('wall_reader', 'wall_id', 'account_id');
CREATE OR REPLACE TRIGGER ledger_of_removed AFTER DELETE ON tips_unit_members
    FOR EACH ROW EXECUTE FUNCTION ledger_note('unit_member', 'unit_id', 'account_id');
CREATE OR REPLACE TRIGGER ledger_of_removed AFTER DELETE ON tips_category_readers
    FOR EACH ROW EXECUTE FUNCTION ledger_note('category_reader', 'category_id', 'account_id');
CREATE OR REPLACE TRIGGER ledger_of_removed AFTER DELETE ON core_account_groups
    FOR EACH ROW EXECUTE FUNCTION ledger_note('role', 'account_id', 'group_id');
CREATE OR REPLACE TRIGGER ledger_of_removed AFTER DELETE ON tips_alertchannel
    FOR EACH ROW EXECUTE FUNCTION ledger_note('channel', 'id');
CREATE OR REPLACE TRIGGER ledger_of_removed AFTER DELETE ON core_provideridentity
    FOR EACH ROW EXECUTE FUNCTION ledger_note('identity', 'issuer', 'subject');
CREATE OR REPLACE TRIGGER ledger_of_removed AFTER DELETE ON mfa_authenticator
    FOR EACH ROW EXECUTE FUNCTION ledger_note('factor', 'id', 'user_id');
-- A receipt that was replaced or no longer opens its tip, perhaps because another person knows it.
CREATE OR REPLACE TRIGGER ledger_of_receipts AFTER UPDATE OF token_hash ON tips_tip
    FOR EACH ROW WHEN (OLD.token_hash IS NOT NULL AND NEW.token_hash IS DISTINCT FROM OLD.token_hash)
    EXECUTE FUNCTION ledger_note('receipt', 'token_hash');
CREATE OR REPLACE TRIGGER ledger_of_walls AFTER INSERT ON tips_wall FOR EACH ROW EXECUTE FUNCTION ledger_note('wall', 'tip_id');
CREATE OR REPLACE TRIGGER ledger_of_walls_again AFTER UPDATE OF decision ON tips_wall
    FOR EACH ROW WHEN (OLD.decision = 'released' AND NEW.decision <> 'released') EXECUTE FUNCTION ledger_note('wall', 'tip_id');
CREATE OR REPLACE TRIGGER ledger_of_sensitive AFTER UPDATE OF is_sensitive ON tips_category
    FOR EACH ROW WHEN (NEW.is_sensitive AND NOT OLD.is_sensitive) EXECUTE FUNCTION ledger_note('sensitive', 'id');
CREATE OR REPLACE TRIGGER ledger_of_accounts AFTER UPDATE OF is_active ON core_account
    FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active) EXECUTE FUNCTION ledger_note('account', 'id');
CREATE OR REPLACE TRIGGER ledger_of_passwords AFTER UPDATE OF password ON core_account
    FOR EACH ROW WHEN (OLD.password <> '' AND NEW.password <> OLD.password) EXECUTE FUNCTION ledger_note('password', 'id', 'password');
-- What is given again is no longer restricted. The arguments are those of ledger_note.
CREATE OR REPLACE FUNCTION ledger_forget() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    parts text[] := '{}';
BEGIN
    FOR place IN 1 .. TG_NARGS - 1 LOOP
        parts := parts || (to_jsonb(NEW) ->> TG_ARGV[place]);
    END LOOP;
    DELETE FROM core_erasuremark WHERE mark = ledger_mark(TG_ARGV[0], VARIADIC parts);
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION ledger_forget FROM PUBLIC;
CREATE OR REPLACE TRIGGER ledger_of_given AFTER INSERT ON tips_wall_readers
    FOR EACH ROW EXECUTE FUNCTION ledger_forget('wall_reader', 'wall_id', 'account_id');
CREATE OR REPLACE TRIGGER ledger_of_given AFTER INSERT ON tips_unit_members
    FOR EACH ROW EXECUTE FUNCTION ledger_forget('unit_member', 'unit_id', 'account_id');
CREATE OR REPLACE TRIGGER ledger_of_given AFTER INSERT ON tips_category_readers
    FOR EACH ROW EXECUTE FUNCTION ledger_forget('category_reader', 'category_id', 'account_id');
CREATE OR REPLACE TRIGGER ledger_of_given AFTER INSERT ON core_account_groups
    FOR EACH ROW EXECUTE FUNCTION ledger_forget('role', 'account_id', 'group_id');
CREATE OR REPLACE TRIGGER ledger_of_given AFTER INSERT ON core_provideridentity
    FOR EACH ROW EXECUTE FUNCTION ledger_forget('identity', 'issuer', 'subject');
CREATE OR REPLACE TRIGGER ledger_of_given AFTER UPDATE OF is_active ON core_account
    FOR EACH ROW WHEN (NEW.is_active AND NOT OLD.is_active) EXECUTE FUNCTION ledger_forget('account', 'id');
CREATE OR REPLACE TRIGGER ledger_of_given AFTER UPDATE OF is_sensitive ON tips_category
    FOR EACH ROW WHEN (OLD.is_sensitive AND NOT NEW.is_sensitive) EXECUTE FUNCTION ledger_forget('sensitive', 'id');
