package restore

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"veza.fr/recovery/drill"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

const synopsis = `  veza-restore -to PGDATA -plan               what would be restored; only log and report are written
  veza-restore -to PGDATA                     the same, and after a yes it is restored
  veza-restore -to PGDATA -yes                without asking
  veza-restore -to PGDATA -resume             goes on with one that was interrupted
`

const usageHead = `veza-restore restores a cluster from its backups into the data directory of this node, by
the steps of the restore drill: it chooses the set, proves that the archive is whole,
restores, replays, checks the data, stops PostgreSQL cleanly, and says what to type next.

` + synopsis + `
It never writes where a cluster is, and deletes nothing. Nobody can connect while it works.

Flags:
`

const usageSettings = `
Settings, as of the drill. A flag wins over its variable, the variable over the default:

`

const usageTail = `
Exit status:
  0  the cluster is restored, passed its checks and is stopped cleanly
  1  the backups, or what was restored from them, are at fault
  2  something here kept it from an answer, or it was stopped

Examples:
  veza-restore -to /var/lib/postgresql/17/main -plan
  veza-restore -to /var/lib/postgresql/17/main -set 20260823-020003F -report restore.json
  veza-restore -to /var/lib/postgresql/17/main -target time:2026-08-23T03:59:30Z -checks /etc/veza/checks.yaml
  nohup veza-restore -to /var/lib/postgresql/17/main -yes > restore.txt &
`

// asked is a parsed and valid command line.
type asked struct {
	wanted      drill.Real
	settings    settings.Settings
	report, log string
	yes         bool
	verbose     bool
}

// flagSet are the flags of veza-restore, to be parsed into what it returns.
func flagSet() (*flag.FlagSet, *asked) {
	set, a := flag.NewFlagSet(program, flag.ContinueOnError), &asked{}
	set.StringVar(&a.wanted.To, "to", "", "data `DIRECTORY` to restore into: empty, or not there yet")
	set.BoolVar(&a.wanted.Plan, "plan", false, "say what would be restored, and stop there")
	set.BoolVar(&a.yes, "yes", false, "restore without asking")
	set.BoolVar(&a.wanted.Resume, "resume", false, "go on with a restore into that directory that was interrupted")
	set.BoolVar(&a.wanted.AcceptLoss, "accept-loss", false,
		"restore although part of the archive is lost, up to where it is whole, or a target lies on a timeline that "+
			"recovery leaves before it; the report names it")
	set.StringVar(&a.wanted.History, "history", "/var/lib/veza-drill/drill-history.jsonl",
		"`FILE` of the drills' -history, copied from the drill's host: it says how long the last one took")
	set.StringVar(&a.report, "report", "", "write the verdict as JSON to `FILE`, which may be there if it is a report")
	set.StringVar(&a.log, "log", "",
		"append all that is said to `FILE` (default: "+logName+" in "+logDirectory+
			", else beside the report, else in the directory for temporary files)")
	set.BoolVar(&a.verbose, "v", false, "say all there is to say: every line of a step, every measurement")
	return set, a
}

// Manual is what the manual page and the completions are made of: the flags, and the text that -h
// prints around them. The settings are those of settings.Real.
func Manual() (head string, set *flag.FlagSet, tail string) {
	set, _ = flagSet()
	return usageHead, set, usageTail
}

// parse reads the command line. Done says that the program ends here, with that status: what is wrong
// is one line.
func parse(args []string, out, errs io.Writer) (a asked, exit int, done bool) {
	set, parsed := flagSet()
	own := flag.NewFlagSet(program, flag.ContinueOnError) // without the settings
	set.VisitAll(func(f *flag.Flag) { own.Var(f.Value, f.Name, f.Usage) })
	parsed.wanted.Settings = settings.RegisterReal(set)
	set.SetOutput(errs)
	set.Usage = func() {
		own.SetOutput(out)
		_, _ = io.WriteString(out, usageHead)
		own.PrintDefaults()
		_, _ = io.WriteString(out, usageSettings+settings.UsageReal()+usageTail)
	}
	if len(args) == 0 {
		_, _ = io.WriteString(errs, program+": nothing to do; -h explains\n"+synopsis)
		return a, reason.ExitEnvironment, true
	}
	if exit, done = suite.ParseFlags(set, args); done {
		return a, exit, true
	}
	if parsed.wanted.Settings.Version(out, program) {
		return a, reason.ExitPass, true
	}
	if err := parsed.validate(); err != nil {
		_, _ = fmt.Fprintln(errs, program+":", suite.Line(err.Error()))
		return a, reason.ExitEnvironment, true
	}
	return *parsed, 0, false
}

// validate finds what package flag cannot, before anything is asked of the repository.
func (a *asked) validate() (err error) {
	if a.settings, err = a.wanted.Settings.Load(os.Environ()); err != nil {
		return err
	}
	switch {
	case a.wanted.To == "":
		return fmt.Errorf("-to is missing: the data directory to restore into")
	case a.yes && a.wanted.Plan:
		return fmt.Errorf("-plan writes nothing, and -yes allows it to: give one of them")
	}
	for _, path := range []*string{&a.wanted.To, &a.report, &a.log} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	return a.apart()
}
