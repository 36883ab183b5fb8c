package drill

import (
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
)

// twoSided proves that nothing from after the target came back.
func (r recovered) twoSided(out suite.Out, rows *verify.Heartbeat, unread error) error {
	if r.target.Kind == target.End {
		return nil
	}
	sides := verify.TargetSides{Target: r.target, Log: r.end.log, Commit: r.end.commit, Heartbeat: rows}
	if unread != nil { // the log and the commit still tell; the checks will say what is wrong with the database
		out.Note("-target %s: the heartbeat was not looked at: %s", r.target, pgbackrest.Printable(unread.Error()))
	}
	text, err := sides.Check()
	if err == nil {
		out.Note("%s", text)
	}
	return err
}
