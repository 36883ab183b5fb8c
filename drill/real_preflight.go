package drill

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// preflight is the drill's, then looks whether the data directory may be restored into, and asks. Nothing of the node
// has been changed when it ends.
func (r *nodeRestore) preflight(ctx context.Context, out suite.Out, asked request) (found ready, err error) {
	if err = r.refuseAtOnce(); err != nil { // before anything that takes time
		return found, err
	}
	if found, err = preflight(ctx, out, asked); err != nil {
		return found, err
	}
	if err = r.refuse(ctx, out, found); err != nil {
		return found, err
	}
	if err = r.damagedSet(out, found.plan.set); err != nil {
		return found, err
	}
	return found, r.Confirm(ctx, r.facts(found))
}

// look looks at the data directory.
func (r *nodeRestore) look() (err error) {
	if r.home, err = homeOfServer(); err != nil {
		return reason.Wrap(reason.ToolMissing, err)
	}
	r.place, err = node.Look(r.To, r.home)
	return err
}

// refuseAtOnce refuses what no repository changes: a path that is none, and a directory that holds something which no
// restore has left.
func (r *nodeRestore) refuseAtOnce() error {
	if err := r.look(); err != nil {
		return err
	}
	claim, err := node.ReadClaim(r.place.Dir)
	if err != nil || claim != nil {
		return err
	}
	return r.place.Refuse(node.Asked{Resume: r.Resume}, nil, "")
}

// homeOfServer is the home directory of the user who runs PostgreSQL.
func homeOfServer() (string, error) {
	name := host.ServiceUser
	if os.Geteuid() != 0 {
		who, err := user.Current()
		if err != nil {
			return "", err
		}
		name = who.Username
	}
	who, err := user.Lookup(name)
	if err != nil {
		return "", fmt.Errorf("the user who runs PostgreSQL: %w", err)
	}
	return who.HomeDir, nil
}

// refuse says why the data directory must not be restored into.
func (r *nodeRestore) refuse(ctx context.Context, out suite.Out, found ready) error {
	if err := r.look(); err != nil { // what a killed restore left running has been ended meanwhile
		return err
	}
	claim, err := node.ReadClaim(r.place.Dir)
	if err != nil {
		return err
	}
	if claim != nil { // who has it may be at work
		held, taken := node.Take(r.place.Dir)
		if taken != nil {
			return taken
		}
		if err = held.Release(); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
	}
	if err = r.place.Refuse(r.wants(found), claim, r.role(ctx, found)); err != nil {
		return err
	}
	r.beside = r.nodesBeside(ctx, found)
	r.host = hostOf(found)
	r.lives = r.originOf(found.Client.Conf.Option(found.Stanza(), "restore", "pg1-path")).fact()
	r.again = r.Resume && len(r.place.Entries) > 0
	return r.askPlaces(ctx, out, found, r.rest(claim))
}

// wants is how the data directory is to be used.
func (r *nodeRestore) wants(found ready) node.Asked {
	return node.Asked{
		Resume: r.Resume, SystemID: found.plan.info.SystemID(found.plan.set), Set: found.plan.set.Label,
		Maps: maps(found),
	}
}

// damagedSet refuses a set in which the backup found damaged pages, unless the loss is accepted. The drill looks at
// such a set when it is named; what is restored for real must not depend on whether a check comes to the page.
func (r *nodeRestore) damagedSet(out suite.Out, set pgbackrest.Backup) error {
	if !set.Damaged() {
		return nil
	}
	if !r.AcceptLoss {
		return reason.Errorf(reason.PageChecksum, "backup set %s has pages that fail their checksum: name an older "+
			"one with -set, or restore it all the same with -accept-loss", set.Label)
	}
	out.Note("loss accepted (-accept-loss), %s: backup set %s has pages that fail their checksum", reason.PageChecksum,
		set.Label)
	return nil
}

// refuseSettings refuses what a drill may be asked for and a restore may not.
func (r *nodeRestore) refuseSettings(asked settings.Settings) error {
	if r != nil && asked.Target.IsChoice() {
		return reason.Errorf(reason.ConfigInvalid, "-target %s is for drills: name the moment, the position or the "+
			"restore point to restore to", asked.Target)
	}
	return nil
}

// facts are what somebody must know who says yes.
func (r *nodeRestore) facts(found ready) []string {
	p := found.plan
	last := p.chain.Last()
	facts := []string{
		fmt.Sprintf("set      %s, %s, PostgreSQL %s, %s, %s old", p.set.Label, p.set.Type, p.major(),
			megabytes(p.set.Info.Size), p.age.Round(time.Second)),
		fmt.Sprintf("into     %s: %s; %s", r.place.Dir, r.there(), roomOf(r.rooms[0])),
	}
	for _, apart := range r.rooms[1:] {
		facts = append(facts, fmt.Sprintf("and      %s: %s", apart.Dir, roomOf(apart)))
	}
	for _, link := range r.plain {
		facts = append(facts, "but      "+link)
	}
	if last.Name != "" {
		facts = append(facts, fmt.Sprintf("archive  whole over %s: %d segments, the last is %s, archived %s",
			p.chain.Route(), len(p.chain.Entries), last.Name, stamp(last.Time)))
	}
	facts = append(facts, "lost     "+lostBy(found, last.Time))
	if r.left != "" {
		facts = append(facts, "and      "+r.left)
	}
	facts = append(facts, "time     "+r.lastDrill(found.Stanza()))
	for _, other := range r.beside {
		facts = append(facts, "beside   "+other)
	}
	if r.lives != "" {
		facts = append(facts, "beside   "+r.lives)
	}
	return append(facts,
		"then     stopped cleanly, archiving nothing until it is started; what to type next is printed")
}

func (r *nodeRestore) there() string {
	switch {
	case r.again:
		return "the rest of an interrupted restore, taken up"
	case r.place.Exists:
		return "empty"
	}
	return "not there yet"
}

// lostBy says what will not come back.
func lostBy(found ready, last time.Time) string {
	if to := found.Settings.Target; to.Kind != target.End {
		return fmt.Sprintf("everything after -target %s, as asked", to)
	}
	if now, left := found.plan.info.UpgradedSince(found.plan.set); left {
		return fmt.Sprintf("all of the present cluster (PostgreSQL %s): this set is of the one before it", now.Version)
	}
	if last.IsZero() {
		return "everything after the backup: nothing is archived after it"
	}
	return fmt.Sprintf("what was written after the last archived segment, %s ago", time.Since(last).Round(time.Second))
}

// lastDrill says how long the last drill of the stanza took, by the history of the drills.
func (r *nodeRestore) lastDrill(stanza string) string {
	content, err := os.ReadFile(r.History)
	if r.History == "" || err != nil {
		return noHistory
	}
	return lastPassed(content, stanza)
}

const noHistory = "not known: no history of drills is here; the drill's host has it (-history)"

// lastPassed is how long the newest drill of a stanza that passed took, by a history: a report a line, the newest last.
// One of a cluster that was left, of a repository of the past, or to a target before the end says nothing of a restore
// of now.
func lastPassed(history []byte, stanza string) string {
	lines := strings.Split(string(history), "\n")
	for _, line := range slices.Backward(lines) {
		var run struct {
			Suite, Stanza, Verdict, Ended string
			Labels                        map[string]string
			Measurements                  []struct {
				Name  string
				Value float64
			}
		}
		if json.Unmarshal([]byte(line), &run) != nil || run.Stanza != stanza || run.Suite != "drill" ||
			run.Verdict != "pass" || run.Labels[suite.LeftLabel] != "" || run.Labels[suite.PastLabel] != "" ||
			run.Labels[suite.TargetLabel] != "" {
			continue
		}
		for _, m := range run.Measurements {
			if m.Name == "rto_seconds" {
				return fmt.Sprintf("the last drill that passed, %s, took %s from the restore to the first query",
					pgbackrest.Printable(run.Ended), time.Duration(m.Value*float64(time.Second)).Round(time.Second))
			}
		}
	}
	return "not known: no drill of this stanza has passed here (-history)"
}
