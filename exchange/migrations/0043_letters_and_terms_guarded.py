"""A letter tells what was decided and moves the counter of its agency; the day that is due moves only as it is told."""

from django.db import migrations

from exchange.migrations.guards.sealed import SEALED

LETTERS = """
-- Whether the letter tells what the votes that count, or the standing permission, say about the latest revision.
CREATE FUNCTION exchange_letter_is_decided(told jsonb, desk exchange_reviewcase, request exchange_exchangerequest)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    latest exchange_revision%ROWTYPE;
    approvals int;
    approved jsonb;
BEGIN
    SELECT * INTO latest FROM exchange_revision WHERE request_id = request.id ORDER BY number DESC LIMIT 1;
    IF told ->> 'revision_sha256' IS DISTINCT FROM latest.content_hash THEN
        RETURN false;
    END IF;
    IF told ? 'standing' THEN
        RETURN told ->> 'verdict' = 'approve' AND request.status = 'submitted'
            AND told -> 'scope' IS NOT DISTINCT FROM latest.content::jsonb -> 'scope'
            AND EXISTS (SELECT 1 FROM registry_sharingpolicy p
                        WHERE p.id = desk.policy_id AND p.is_standing AND p.decided_by_id IS NOT NULL
                          AND told #>> '{standing,permission}' = p.public_id::text
                          AND exchange_conflict(p.decided_by_id, request) IS NULL);
    END IF;
    IF request.status <> 'under-review' THEN
        RETURN false;
    END IF;
    IF told ->> 'verdict' = 'reject' THEN
        RETURN EXISTS (SELECT 1 FROM exchange_decision d JOIN registry_legalinstrument l ON l.id = d.legal_basis_id
                       WHERE d.case_id = desk.id AND d.revision_id = latest.id AND d.verdict = 'reject'
                         AND d.voided_at IS NULL
                         AND normalize(told ->> 'reason') = d.reason AND told ->> 'legal_basis' = l.number);
    END IF;
    SELECT count(*) INTO approvals FROM exchange_decision
        WHERE case_id = desk.id AND revision_id = latest.id AND verdict = 'approve' AND voided_at IS NULL;
    -- Each vote lies within the ones before, so the last one is what all approvers share.
    SELECT scope::jsonb INTO approved FROM exchange_decision
        WHERE case_id = desk.id AND revision_id = latest.id AND verdict = 'approve' AND voided_at IS NULL
        ORDER BY id DESC LIMIT 1;
    RETURN COALESCE(told ->> 'verdict' = 'approve', false) AND told -> 'scope' IS NOT DISTINCT FROM approved
        AND approvals >= (CASE WHEN request.is_emergency THEN 1 ELSE desk.quorum END);
END $$;

CREATE FUNCTION exchange_letter_check_told() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told jsonb := NEW.content::jsonb;
    desk exchange_reviewcase%ROWTYPE;
    request exchange_exchangerequest%ROWTYPE;
    sender text;
    receiver text;
BEGIN
    SELECT * INTO desk FROM exchange_reviewcase WHERE id = NEW.case_id;
    -- Two letters at once wait for each other here: each must see the other.
    SELECT * INTO request FROM exchange_exchangerequest WHERE id = desk.request_id FOR NO KEY UPDATE;
    IF told ? 'verdict' THEN
        SELECT code INTO sender FROM registry_agency WHERE id = desk.provider_id;
        SELECT code INTO receiver FROM registry_agency WHERE id = request.consumer_id;
        IF NEW.agency_id IS DISTINCT FROM desk.provider_id OR told ? 'certificate_sha256'
           OR NOT exchange_letter_is_decided(told, desk, request) THEN
            RAISE EXCEPTION 'a letter about % that tells something else than was decided', request.code
                USING ERRCODE = 'check_violation';
        END IF;
        -- What a letter tells ends the review, and no revision follows: there is never a second one.
        IF EXISTS (SELECT 1 FROM exchange_letter WHERE case_id = desk.id AND content::jsonb ? 'verdict') THEN
            RAISE EXCEPTION '% has its letter', request.code USING ERRCODE = 'unique_violation';
        END IF;
    ELSE
        SELECT consumer.code, provider.code INTO sender, receiver
            FROM exchange_destructioncertificate c JOIN exchange_agreement a ON a.id = c.agreement_id
                JOIN registry_agency consumer ON consumer.id = a.consumer_id
                JOIN registry_agency provider ON provider.id = a.provider_id
            WHERE a.case_id = desk.id AND a.consumer_id = NEW.agency_id AND c.signed_at IS NULL AND c.dropped_at IS NULL
              AND c.content_hash = told ->> 'certificate_sha256' AND c.content::jsonb = told -> 'certificate';
        IF sender IS NULL THEN
            RAISE EXCEPTION 'a letter about % that tells neither a decision nor a certificate', request.code
                USING ERRCODE = 'check_violation';
        END IF;
        IF EXISTS (SELECT 1 FROM exchange_letter WHERE case_id = desk.id
                   AND content::jsonb ->> 'certificate_sha256' = told ->> 'certificate_sha256') THEN
            RAISE EXCEPTION 'this certificate has its letter' USING ERRCODE = 'unique_violation';
        END IF;
    END IF;
    IF (told ->> 'request', told ->> 'from', told ->> 'to') IS DISTINCT FROM (request.code::text, sender, receiver) THEN
        RAISE EXCEPTION 'a letter about % names other parties', request.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_letter_told BEFORE INSERT ON exchange_letter
    FOR EACH ROW EXECUTE FUNCTION exchange_letter_check_told();
"""

# Were the counter moved before its letter is there, it could be moved without one, and the next letter would leave a gap.
COUNTERS = """
CREATE FUNCTION exchange_letter_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO exchange_lettercounter (agency_id, year, last) VALUES (NEW.agency_id, NEW.year, 0) ON CONFLICT DO NOTHING;
    UPDATE exchange_lettercounter SET last = NEW.number
        WHERE agency_id = NEW.agency_id AND year = NEW.year AND last = NEW.number - 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'letter % of this agency does not follow its counter', NEW.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER exchange_letter_counted AFTER INSERT ON exchange_letter
    FOR EACH ROW EXECUTE FUNCTION exchange_letter_count();

CREATE FUNCTION exchange_lettercounter_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.last <> 0 OR TG_OP = 'UPDATE' AND (NEW.last <> OLD.last + 1 OR NOT EXISTS (
        SELECT 1 FROM exchange_letter WHERE agency_id = NEW.agency_id AND year = NEW.year AND number = NEW.last
    )) THEN
        RAISE EXCEPTION 'a counter of letters begins at 0, and moves on by one with a letter' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_lettercounter_follows BEFORE INSERT OR UPDATE ON exchange_lettercounter
    FOR EACH ROW EXECUTE FUNCTION exchange_lettercounter_check();
CREATE TRIGGER exchange_lettercounter_immutable BEFORE UPDATE ON exchange_lettercounter
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes('last');
CREATE TRIGGER exchange_lettercounter_kept BEFORE DELETE ON exchange_lettercounter
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_lettercounter_no_truncate BEFORE TRUNCATE ON exchange_lettercounter
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
"""

TERMS = """
-- How many working days lie after the one day, up to and including the other.
CREATE FUNCTION exchange_working_days(since date, up_to date) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM generate_series(1, up_to - since) AS days(number)
        LEFT JOIN exchange_calendarday marked ON marked.day = since + days.number
    WHERE COALESCE(marked.kind <> 'off', extract(isodow FROM since + days.number) < 6)
$$;

-- The term is set when the request is signed, also once more after a return. Otherwise its end moves once, when it is
-- lengthened: by so many working days as it says, at most by the term itself.
CREATE FUNCTION exchange_reviewcase_check_due() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stage text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.extended_at IS NOT NULL THEN
            RAISE EXCEPTION 'a term that has just begun is not lengthened' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.due_on, NEW.term, NEW.term_grounds, NEW.paused_days, NEW.extended_at)
       IS NOT DISTINCT FROM (OLD.due_on, OLD.term, OLD.term_grounds, OLD.paused_days, OLD.extended_at) THEN
        RETURN NEW;
    END IF;
    SELECT status INTO stage FROM exchange_exchangerequest WHERE id = NEW.request_id FOR SHARE;
    IF NEW.extended_at IS NULL OR OLD.extended_at IS NOT NULL THEN
        IF stage <> 'pending-endorsement' THEN
            RAISE EXCEPTION 'the term of a case is set when its request is signed' USING ERRCODE = 'check_violation';
        END IF;
    ELSIF stage NOT IN ('submitted', 'under-review')
          OR (NEW.term, NEW.term_grounds, NEW.paused_days) IS DISTINCT FROM (OLD.term, OLD.term_grounds, OLD.paused_days)
          OR NEW.extended_days > (SELECT working_days FROM exchange_deadlineprofile WHERE code = OLD.term)
          OR exchange_working_days(OLD.due_on, NEW.due_on) <> NEW.extended_days THEN
        RAISE EXCEPTION 'a term is lengthened while it runs, by the days that are told' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_reviewcase_due BEFORE INSERT OR UPDATE ON exchange_reviewcase
    FOR EACH ROW EXECUTE FUNCTION exchange_reviewcase_check_due();
"""

BACKWARD = """
DROP TRIGGER exchange_reviewcase_due ON exchange_reviewcase;
DROP FUNCTION exchange_reviewcase_check_due();
DROP FUNCTION exchange_working_days(date, date);
DROP TRIGGER exchange_lettercounter_no_truncate ON exchange_lettercounter;
DROP TRIGGER exchange_lettercounter_kept ON exchange_lettercounter;
DROP TRIGGER exchange_lettercounter_immutable ON exchange_lettercounter;
DROP TRIGGER exchange_lettercounter_follows ON exchange_lettercounter;
DROP FUNCTION exchange_lettercounter_check();
DROP TRIGGER exchange_letter_counted ON exchange_letter;
DROP FUNCTION exchange_letter_count();
DROP TRIGGER exchange_letter_told ON exchange_letter;
DROP FUNCTION exchange_letter_check_told();
DROP FUNCTION exchange_letter_is_decided(jsonb, exchange_reviewcase, exchange_exchangerequest);
"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0042_emergencies_to_review")]

    operations = [migrations.RunSQL(LETTERS + COUNTERS + TERMS + SEALED, BACKWARD)]
