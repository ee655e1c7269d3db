-- Rights of each role's PostgreSQL user; it has no others. `manage.py migrate` applies this file each time, and
-- tests/tipportal/database/test_grants.py attacks as each user.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, portal_public, portal_staff, portal_all, portal_alerts, portal_bulk, portal_media;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, portal_public, portal_staff, portal_all, portal_alerts, portal_bulk, portal_media;
GRANT USAGE ON SCHEMA public TO portal_public, portal_staff, portal_all, portal_alerts, portal_bulk, portal_media;
-- portal_all is a member of portal_public and portal_staff, by the code that creates the users (tipportal/dev_stack/servers.py,
-- docker/roles.sql).

-- public: inserts tips and messages, reads them sealed, and cannot delete them; all it can change is whether a receipt was seen. No access to accounts, groups,
-- sessions, the admin log, the audit trail and notes. Every message it writes is a source's, whatever its program claims.
GRANT SELECT ON tips_category, tips_question TO portal_public;
-- It checks marks of forms for callers, and can't make one.
GRANT SELECT ON tips_callermarkkey TO portal_public;
-- It compares the receipts' salt with the database's fingerprint. The first start writes that; nothing can change it.
GRANT SELECT, INSERT ON tips_saltfingerprint TO portal_public;
-- For /readyz.
GRANT SELECT ON django_migrations TO portal_public;
-- The agency's name, numbers and limits, which all pages and mails have. Staff add editions; nobody changes or deletes one.
GRANT SELECT ON core_agencysettings TO portal_public, portal_alerts, portal_bulk;
GRANT SELECT, INSERT ON core_agencysettings TO portal_staff;
GRANT SELECT, INSERT ON tips_tip, tips_message TO portal_public;
GRANT UPDATE (receipt_seen) ON tips_tip TO portal_public;
GRANT SELECT, INSERT ON tips_attachment TO portal_public;
GRANT INSERT ON tips_alert TO portal_public;
GRANT EXECUTE ON FUNCTION tip_number_draw TO portal_public;
GRANT EXECUTE ON FUNCTION source_delete, receipt_replace, tip_figures, tip_months TO portal_public;
GRANT EXECUTE ON FUNCTION reminder_ask, reminder_of, reminder_confirm, reminder_leave TO portal_public;
GRANT EXECUTE ON FUNCTION alert_ask, alerts_of, alert_confirm, alert_change, alert_leave TO portal_public;
-- For /privacy/: one answer, yes or no.
GRANT EXECUTE ON FUNCTION has_four_eyes TO portal_public, portal_staff;
-- For /metrics, which counts the tips that public figures count.
GRANT EXECUTE ON FUNCTION tip_is_counted TO portal_staff;
GRANT SELECT ON crimemap_area, crimemap_block, crimemap_intersection, crimemap_baselayer, crimemap_landmark,
    crimemap_basemapbuild, crimemap_formerareacode TO portal_public;
-- Published stories have their own tables; guides, events and pictures share tables, where policies select the public rows.
GRANT SELECT ON outreach_publishedstory, outreach_publishedstory_tags, outreach_publishedstory_pictures, outreach_correction,
    outreach_withdrawal, outreach_tag, outreach_guide, outreach_guide_pictures, outreach_event, outreach_areapriority TO portal_public;
GRANT SELECT (id, alt, credit, state, variants, purpose) ON outreach_picture TO portal_public;
GRANT SELECT ON outreach_picturefile TO portal_public;
GRANT EXECUTE ON FUNCTION story_preview, story_preview_pictures, story_preview_file TO portal_public;

ALTER TABLE outreach_guide ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS guide_shown ON outreach_guide;
DROP POLICY IF EXISTS guide_by_staff ON outreach_guide;
CREATE POLICY guide_shown ON outreach_guide FOR SELECT TO portal_public USING (shown);
CREATE POLICY guide_by_staff ON outreach_guide TO portal_staff USING (true) WITH CHECK (true);

ALTER TABLE outreach_areapriority ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS priority_shown ON outreach_areapriority;
DROP POLICY IF EXISTS priority_by_staff ON outreach_areapriority;
CREATE POLICY priority_shown ON outreach_areapriority FOR SELECT TO portal_public USING (shown);
CREATE POLICY priority_by_staff ON outreach_areapriority TO portal_staff USING (true) WITH CHECK (true);

ALTER TABLE outreach_event ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS event_shown ON outreach_event;
DROP POLICY IF EXISTS event_by_others ON outreach_event;
CREATE POLICY event_shown ON outreach_event FOR SELECT TO portal_public USING (status IN ('published', 'cancelled'));
CREATE POLICY event_by_others ON outreach_event TO portal_staff, portal_bulk USING (true) WITH CHECK (true);

-- A picture is public while a published story or a shown guide uses it, or the newest settings of the agency name its file. The link
-- table of guides also has rows of hidden ones.
ALTER TABLE outreach_picture ENABLE ROW LEVEL SECURITY;
ALTER TABLE outreach_picturefile ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS picture_named ON outreach_picture;
DROP POLICY IF EXISTS picture_by_others ON outreach_picture;
DROP POLICY IF EXISTS picturefile_named ON outreach_picturefile;
DROP POLICY IF EXISTS picturefile_by_others ON outreach_picturefile;
CREATE POLICY picture_named ON outreach_picture FOR SELECT TO portal_public USING (
    EXISTS (SELECT FROM outreach_publishedstory_pictures WHERE picture_id = outreach_picture.id)
    OR EXISTS (SELECT FROM outreach_guide_pictures JOIN outreach_guide ON outreach_guide.id = guide_id
               WHERE picture_id = outreach_picture.id AND shown)
    OR purpose <> 'story' AND EXISTS (SELECT FROM outreach_picturefile WHERE picture_id = outreach_picture.id));
CREATE POLICY picture_by_others ON outreach_picture TO portal_staff, portal_media, portal_bulk USING (true) WITH CHECK (true);
CREATE POLICY picturefile_named ON outreach_picturefile FOR SELECT TO portal_public USING (
    EXISTS (SELECT FROM outreach_publishedstory_pictures WHERE picture_id = outreach_picturefile.picture_id)
    OR EXISTS (SELECT FROM outreach_guide_pictures JOIN outreach_guide ON outreach_guide.id = guide_id
               WHERE picture_id = outreach_picturefile.picture_id AND shown)
    OR digest IN (SELECT named.digest FROM (SELECT stored FROM core_agencysettings ORDER BY id DESC LIMIT 1) newest,
                  LATERAL (VALUES (stored->>'crest'), (stored->>'home_picture')) named(digest)));
CREATE POLICY picturefile_by_others ON outreach_picturefile TO portal_staff, portal_media USING (true) WITH CHECK (true);

ALTER TABLE tips_message ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS message_read ON tips_message;
DROP POLICY IF EXISTS message_by_source ON tips_message;
DROP POLICY IF EXISTS message_by_staff ON tips_message;
CREATE POLICY message_read ON tips_message FOR SELECT TO portal_public USING (true);
CREATE POLICY message_by_source ON tips_message FOR INSERT TO portal_public WITH CHECK (author = 'source');
CREATE POLICY message_by_staff ON tips_message TO portal_staff USING (true) WITH CHECK (true);

-- The public role can insert a file only as just received; all later states are the media worker's.
ALTER TABLE tips_attachment ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS attachment_read ON tips_attachment;
DROP POLICY IF EXISTS attachment_received ON tips_attachment;
DROP POLICY IF EXISTS attachment_by_others ON tips_attachment;
CREATE POLICY attachment_read ON tips_attachment FOR SELECT TO portal_public USING (true);
CREATE POLICY attachment_received ON tips_attachment FOR INSERT TO portal_public
    WITH CHECK (state = 'received' AND file = id AND attempts = 0 AND progress = 0 AND started_at IS NULL);
CREATE POLICY attachment_by_others ON tips_attachment TO portal_staff, portal_media USING (true) WITH CHECK (true);

-- staff: the desk and the admin. It cannot rewrite a source's content, and can only append to the audit trail.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO portal_staff;
-- It can count incident alerts, but read neither the sealed addresses nor their hashes, which would link the alerts of one person.
REVOKE SELECT ON crimemap_subscription, crimemap_delivery, crimemap_alertlink FROM portal_staff;
GRANT SELECT (id, layer, code, radius, rhythm, confirmed_at) ON crimemap_subscription TO portal_staff;
GRANT SELECT (id, state, made_at, confirms_id, next_attempt_at) ON crimemap_delivery TO portal_staff;
-- Likewise it can count the reminders of each event, and mails that wait.
REVOKE SELECT ON outreach_reminder, outreach_remindermail FROM portal_staff;
GRANT SELECT (id, event_id, confirmed_at) ON outreach_reminder TO portal_staff;
GRANT SELECT (id, state, next_attempt_at) ON outreach_remindermail TO portal_staff;
GRANT UPDATE (category_id, unit_id, state, disposition, priority, assigned_to_id, opened_after, closed_at, legal_hold, agency_key_id, key_for_agency)
    ON tips_tip TO portal_staff;
GRANT INSERT ON tips_message, tips_note TO portal_staff;
GRANT UPDATE (read) ON tips_message TO portal_staff;
GRANT INSERT ON tips_noteskey TO portal_staff;
GRANT UPDATE (agency_key_id, key_for_agency) ON tips_noteskey TO portal_staff;
GRANT UPDATE (agency_key_id, key_for_agency) ON tips_attachment TO portal_staff;
GRANT INSERT, DELETE ON tips_agencykey TO portal_staff;
-- Lists of what officers were shown grow and end; none is ever deleted.
GRANT INSERT, UPDATE (content, agency_key_id, key_for_agency, audit_entry) ON tips_summarylist TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON tips_savedview TO portal_staff;
GRANT INSERT, UPDATE (position), DELETE ON tips_tipreading TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON tips_followedview TO portal_staff;
GRANT INSERT, DELETE ON tips_viewalert TO portal_staff;
GRANT UPDATE ON tips_responsetarget TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON tips_referral TO portal_staff;
GRANT UPDATE (is_recheck), DELETE ON tips_arrival TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON tips_wall, tips_wall_readers TO portal_staff;
GRANT INSERT, UPDATE (record) ON tips_linkrecord TO portal_staff;
GRANT INSERT, UPDATE (second_person_id, due_at, after, is_stuck), DELETE ON tips_pendingact TO portal_staff;
GRANT INSERT, UPDATE ON tips_deskstate TO portal_staff;
GRANT INSERT ON tips_closingrecord TO portal_staff;
-- What was drawn for a second look stays drawn.
GRANT INSERT ON tips_drawnweek TO portal_staff;
GRANT INSERT, UPDATE (verdict, supervisor_id) ON tips_secondlook TO portal_staff;
GRANT EXECUTE ON FUNCTION spam_erase TO portal_staff;
-- It seals the addresses of officers' channels, and can't read them again: they hold secrets.
REVOKE SELECT ON tips_alertchannel FROM portal_staff;
GRANT SELECT (id, officer_id, unit_id, kind, host, label, tested_on, works, problem), INSERT, DELETE ON tips_alertchannel TO portal_staff;
GRANT DELETE ON tips_notification TO portal_staff;
-- It chooses who is told of a walled tip: the alerts worker doesn't know whom one names.
GRANT INSERT ON tips_notification TO portal_staff;
-- A referred tip is a new one for its new unit.
GRANT INSERT ON tips_alert TO portal_staff;
GRANT UPDATE ON tips_alert, tips_notification TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON tips_category, tips_category_readers, tips_unit, tips_unit_members, tips_question, tips_duty, tips_duty_categories, tips_shift, tips_dayoff TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON tips_answertemplate TO portal_staff;
GRANT INSERT, DELETE ON tips_callermarkkey TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON tips_callerformcount TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON core_account, core_account_groups, core_account_user_permissions, core_staffsession, mfa_authenticator TO portal_staff;
GRANT INSERT, DELETE ON core_failedattempt, core_provideridentity TO portal_staff;
GRANT INSERT ON core_auditentry, core_accountmail, django_admin_log TO portal_staff;
GRANT INSERT, UPDATE ON core_auditproof TO portal_staff;
GRANT DELETE ON core_accountmail TO portal_staff;
-- A request for consent is decided, never rewritten. A link keeps its receiver.
GRANT INSERT, UPDATE (state, decided_by_id, decided_at, answer) ON core_consentrequest TO portal_staff;
GRANT INSERT, UPDATE (secret_hash, expires_at), DELETE ON core_signinlink TO portal_staff;
GRANT INSERT, UPDATE (carried_out_at, objected_by_id, objected_at) ON core_supervisorappointment TO portal_staff;
GRANT INSERT ON core_supervisorappointment_acknowledged_by TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON crimemap_area, crimemap_block, crimemap_intersection, crimemap_baselayer, crimemap_landmark,
    crimemap_basemapbuild, crimemap_formerareacode TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON crimemap_category, crimemap_offencecode, crimemap_sourcedraft TO portal_staff;
GRANT INSERT, DELETE ON crimemap_codechangeset TO portal_staff;
GRANT EXECUTE ON FUNCTION source_draft_erase TO portal_staff;
-- A source is deleted by the bulk worker, with its incidents, once a person has asked for that.
GRANT INSERT, UPDATE ON crimemap_source TO portal_staff;
REVOKE SELECT ON crimemap_deletedsource FROM portal_staff;
-- The ledger is for restoring a backup, by the owner.
REVOKE SELECT ON core_erasuremark, ledger_key FROM portal_staff;
GRANT UPDATE ON crimemap_reportedvalue TO portal_staff;
GRANT INSERT, UPDATE ON crimemap_importrun TO portal_staff;
GRANT INSERT, UPDATE ON outreach_story, outreach_reviewcomment, outreach_previewlink TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON outreach_story_tags, outreach_story_pictures, outreach_tag TO portal_staff;
GRANT INSERT ON outreach_storyrevision, outreach_storystep, outreach_storycheck, outreach_guiderevision TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON outreach_publishedstory, outreach_publishedstory_tags, outreach_publishedstory_pictures,
    outreach_correction, outreach_withdrawal TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON outreach_guide, outreach_guide_pictures, outreach_picture, outreach_pictureoriginal,
    outreach_picturefile TO portal_staff;
GRANT INSERT, UPDATE, DELETE ON outreach_event, outreach_areapriority, outreach_channel, outreach_post TO portal_staff;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO portal_staff;

-- alerts: reads that a tip or message waits and which officers to alert; no text, no password.
GRANT SELECT ON tips_alert, tips_notification, tips_duty, tips_duty_categories, tips_shift, tips_dayoff, tips_category, tips_category_readers,
    tips_unit, tips_unit_members, auth_group, core_account_groups TO portal_alerts;
GRANT SELECT (id, category_id, unit_id, priority) ON tips_tip TO portal_alerts;
GRANT SELECT (id, username, email, is_active) ON core_account TO portal_alerts;
GRANT UPDATE (state, next_step_at, steps, acknowledged_by_id, is_unanswered) ON tips_alert TO portal_alerts;
GRANT SELECT, INSERT ON tips_alertchannel TO portal_alerts;
GRANT UPDATE (address, sealed_address, tested_on, works, problem) ON tips_alertchannel TO portal_alerts;
GRANT INSERT, UPDATE ON tips_notification TO portal_alerts;
-- And that something is new in a view that an officer follows; not in which.
GRANT SELECT, UPDATE, DELETE ON tips_viewalert TO portal_alerts;
-- It also mails supervisors about changed accounts, and links to set up sign-in.
-- It writes one itself: that the desk takes nothing up (tips/officer_alerts/silent_desk.py).
GRANT SELECT, INSERT, UPDATE, DELETE ON core_accountmail TO portal_alerts;
-- And number, time and seal of the audit trail's newest line to an address outside.
GRANT SELECT (id, at, seal) ON core_auditentry TO portal_alerts;
GRANT SELECT, INSERT, UPDATE, DELETE ON core_auditheadmail TO portal_alerts;
-- It makes the secret of a sign-in link as it mails it.
GRANT SELECT, UPDATE (secret_hash, expires_at) ON core_signinlink TO portal_alerts;

-- bulk: erases tips past their retention time, and rewrites rows about sources, without reading them.
-- And stores on which past days sources read answers.
GRANT EXECUTE ON FUNCTION tips_expire, source_rows_rewrite, answers_read_store TO portal_bulk;
-- It imports and publishes incidents. The public role reads the published folder, none of these tables.
GRANT SELECT ON crimemap_area, crimemap_block, crimemap_intersection, crimemap_category, crimemap_formerareacode TO portal_bulk;
GRANT SELECT ON crimemap_sourcedraft TO portal_bulk;
GRANT SELECT, INSERT ON crimemap_reportedvalue, crimemap_deletedsource TO portal_bulk;
GRANT SELECT, INSERT, DELETE ON crimemap_offencecode TO portal_bulk;
GRANT SELECT, INSERT, UPDATE, DELETE ON crimemap_source, crimemap_importrun TO portal_bulk;
GRANT SELECT, INSERT, UPDATE, DELETE ON crimemap_incident, crimemap_incidentrevision, crimemap_importproblem, crimemap_replacedincident TO portal_bulk;
GRANT USAGE ON SEQUENCE crimemap_offencecode_id_seq, crimemap_source_id_seq, crimemap_importrun_id_seq, crimemap_incident_id_seq,
    crimemap_incidentrevision_id_seq, crimemap_importproblem_id_seq, crimemap_reportedvalue_id_seq, crimemap_replacedincident_id_seq, crimemap_deletedsource_id_seq TO portal_bulk;
GRANT EXECUTE ON FUNCTION incidents_analyze TO portal_bulk;
DO $$ BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO portal_bulk', current_database());
END $$;
-- It finds new incidents and mails their subscribers.
GRANT SELECT, INSERT, DELETE ON crimemap_edition TO portal_bulk;
GRANT SELECT, UPDATE, DELETE ON crimemap_subscription TO portal_bulk;
GRANT SELECT, DELETE ON crimemap_alertlink TO portal_bulk;
GRANT SELECT, INSERT, UPDATE, DELETE ON crimemap_delivery TO portal_bulk;
-- It mails administrators if a feed is late or an import has failed.
GRANT SELECT ON auth_group, core_account_groups TO portal_bulk;
GRANT SELECT (id, username, email, is_active) ON core_account TO portal_bulk;
-- It publishes scheduled stories and posts them on the agency's channels.
GRANT SELECT ON outreach_story, outreach_story_tags, outreach_story_pictures, outreach_picture, outreach_tag TO portal_bulk;
GRANT UPDATE (status, publish_at, correction) ON outreach_story TO portal_bulk;
GRANT SELECT (id), INSERT ON outreach_storystep TO portal_bulk;
GRANT SELECT, INSERT ON outreach_correction TO portal_bulk;
GRANT SELECT, INSERT, UPDATE, DELETE ON outreach_publishedstory, outreach_publishedstory_tags,
    outreach_publishedstory_pictures, outreach_withdrawal TO portal_bulk;
GRANT SELECT ON outreach_channel, outreach_event TO portal_bulk;
GRANT UPDATE (address, sealed_address) ON outreach_channel TO portal_bulk;
GRANT SELECT, INSERT, UPDATE ON outreach_post TO portal_bulk;
GRANT SELECT, INSERT, UPDATE, DELETE ON outreach_reminder, outreach_remindermail TO portal_bulk;
GRANT USAGE ON SEQUENCE outreach_storystep_id_seq, outreach_correction_id_seq, outreach_publishedstory_tags_id_seq,
    outreach_publishedstory_pictures_id_seq TO portal_bulk;

-- media: reads the files to rebuild, without the tip or message they belong to.
GRANT SELECT (id, received_at, state, reason, progress, attempts, started_at, file, agency_key_id, key_for_agency, worker_key, key_for_worker)
    ON tips_attachment TO portal_media;
GRANT UPDATE (state, reason, progress, attempts, started_at, file, agency_key_id, key_for_agency, worker_key, key_for_worker)
    ON tips_attachment TO portal_media;
-- It replaces the original of a picture that staff uploaded with the rebuilt files.
GRANT SELECT (id, state, attempts, started_at, original_digest, purpose) ON outreach_picture TO portal_media;
GRANT UPDATE (state, reason, variants, attempts, started_at) ON outreach_picture TO portal_media;
GRANT SELECT, DELETE ON outreach_pictureoriginal TO portal_media;
GRANT SELECT, INSERT, DELETE ON outreach_picturefile TO portal_media;
GRANT USAGE ON SEQUENCE outreach_picturefile_id_seq TO portal_media;

-- Heartbeats: the alerts and bulk workers also write that they have mailed about one. The media worker opens strangers' files, so
-- it can write its own and the scheduler's alone.
GRANT SELECT, INSERT, UPDATE ON core_heartbeat TO portal_alerts, portal_bulk, portal_media;
ALTER TABLE core_heartbeat ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS heartbeat_read ON core_heartbeat;
DROP POLICY IF EXISTS heartbeat_by_watchers ON core_heartbeat;
DROP POLICY IF EXISTS heartbeat_by_media ON core_heartbeat;
CREATE POLICY heartbeat_read ON core_heartbeat FOR SELECT TO portal_staff USING (true);
CREATE POLICY heartbeat_by_watchers ON core_heartbeat TO portal_alerts, portal_bulk USING (true) WITH CHECK (true);
CREATE POLICY heartbeat_by_media ON core_heartbeat TO portal_media
    USING (process IN ('worker-media', 'worker-media-video', 'beat'))
    WITH CHECK (process IN ('worker-media', 'worker-media-video', 'beat'));
