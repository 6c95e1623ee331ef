"""A case that was taken on can be put back into the owner's queue."""

from django.db import migrations

from exchange.migrations.guards.sealed import SEALED

MOVES = """
DROP TRIGGER exchange_request_move ON exchange_exchangerequest;
CREATE TRIGGER exchange_request_move BEFORE UPDATE OF status ON exchange_exchangerequest
    FOR EACH ROW EXECUTE FUNCTION exchange_check_move(
        'draft>pending-endorsement', 'returned>pending-endorsement', 'pending-endorsement>draft',
        'pending-endorsement>submitted', 'submitted>under-review', 'submitted>approved', {put_back}'under-review>returned',
        'under-review>rejected', 'under-review>approved', 'under-review>offered', 'offered>approved',
        'draft>withdrawn', 'pending-endorsement>withdrawn', 'submitted>withdrawn', 'under-review>withdrawn',
        'returned>withdrawn', 'offered>withdrawn', 'draft>expired', 'returned>expired', 'offered>expired');

CREATE OR REPLACE FUNCTION exchange_request_check_put_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'under-review' AND NEW.status = 'submitted' AND EXISTS (
        SELECT 1 FROM exchange_decision v JOIN exchange_reviewcase c ON c.id = v.case_id
        WHERE c.request_id = NEW.id AND v.voided_at IS NULL
    ) THEN
        RAISE EXCEPTION 'request % has decisions: it cannot be put back', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
TRIGGER = """
CREATE TRIGGER exchange_request_put_back BEFORE UPDATE OF status ON exchange_exchangerequest
    FOR EACH ROW EXECUTE FUNCTION exchange_request_check_put_back();
"""
FORWARD = MOVES.format(put_back="'under-review>submitted', ") + TRIGGER
BACKWARD = MOVES.format(put_back="") + "DROP FUNCTION exchange_request_check_put_back() CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("exchange", "0018_comments")]

    operations = [migrations.RunSQL(FORWARD + SEALED, BACKWARD + SEALED)]
