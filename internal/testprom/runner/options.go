// Package runner is what testprom does: it runs a test, or reads the stream of
// one, shows it while it runs, and hands on the verdict as an exit status,
// a textfile, a report and a line of history.
package runner

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/alarm"
)

// stanzaName is what a stanza may be called where its name becomes that of files and units, too.
var stanzaName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`)

// options are the flags of testprom.
type options struct {
	suite    suite.Suite
	textfile string
	report   string
	history  string
	junit    string
	stream   string
	evidence string // a directory
	signKey  string
	copies   copyOptions   // of the evidence
	limit    time.Duration // 0: the default
	reap     bool
	version  bool
	kept     bool
	names    []string // of kept sandboxes; none is all
	fleet    string   // a directory of reports
	alarm    alarmOptions
	as       string // the stanza that the verdict is told of; "" is the one that was drilled
	slot     string // a lock file that all runs of a host share
	slotWait time.Duration
	share    bool          // with the hosts that drill in the same place
	due      time.Duration // asks whether one of them has drilled lately; 0: does not
	forget   string        // stanzas, by commas: -textfile keeps these alone
	verbose  bool
	command  []string
}

// synopsis is what testprom says when it is called with nothing.
const synopsis = `  testprom [flags] -- COMMAND...      run COMMAND ("go test ./drill", "./drill.test") and judge it
  testprom [flags] < drill.jsonl      judge a recorded stream
  testprom -reap [-kept [NAME...]]    remove what killed drills left behind; -kept: what -keep left
  testprom -due 168h -- COMMAND...    ask whether another host has drilled the stanza of COMMAND lately
  testprom -textfile FILE -forget-all-but STANZA[,STANZA...]
                                      take what FILE says of other stanzas out of it
  testprom -fleet DIR                 list the newest verdict of every stanza, by the reports in DIR
  testprom -alarm-test -alertmanager URL -textfile FILE
                                      try whether a red drill becomes an alert that is on its way to somebody
`

const usage = `testprom runs a restore drill, the backup checks, or the control of the drill, or reads
the event stream of one, and tells Prometheus and the operator what it proved.

` + synopsis + `
COMMAND is "go test ..." (gets -json -v=test2json -vet=off -count=1 -timeout), a compiled
test binary such as ./drill.test (runs under test2json), or anything that writes
the stream of "go test -json" to its standard output.

Flags:
`

const examples = `
Examples:
  testprom -textfile out/veza_backup_drill.prom -- go test ./drill
  testprom -textfile /var/lib/node_exporter/textfile_collector/veza_backup_drill.prom \
           -history /var/lib/veza/drill.history -- ./drill.test -conf /etc/pgbackrest/pgbackrest.conf
  go test -json ./drill | testprom -report out/report.json
  testprom -suite backup -textfile out/veza_backup_check.prom -- go test ./backup
  testprom -suite backup -textfile /var/lib/node_exporter/textfile_collector/veza_backup_check.prom \
           -history /var/lib/veza/backup.history -- ./backup.test -conf /etc/pgbackrest/pgbackrest.conf
  testprom -evidence /var/lib/veza/evidence -sign-key /etc/veza/drill.key -- ./drill.test
  testprom -suite control -textfile out/veza_backup_control.prom -- go test ./drill

-suite control puts faults before the drill, in a view of the repository, and is 0 when it
finds each of them; of ./drill it runs TestControl.

-timeout is the RTO budget + 15m for a drill (with -compare also its budget, and with
-compare sets the RTO budget once more), 3 RTO budgets + 15m for the control, and 45m for
the backup checks, or with -history three times the longest of the last five whole runs where
that is more, at most 11h; unless COMMAND has one. A textfile belongs to one suite.

-alarm-test writes a red drill of the stanza alarm-test beside -textfile, and removes it
again. Its exit status: 0 the alarm arrived, and ended; 1 it did not; 2 nobody could be
asked, or it was interrupted.

-fleet takes a drill, or its control, of more than 8 days ago and backup checks of more
than 28 hours ago for no verdict (2), as the alerts do. A red verdict counts (1) until there
is a newer one, whatever kept the runs since from it. A directory without a drill's report
is a stanza that was never drilled (2), unless it holds a drill-report.json.retired: rename
the reports of a stanza that is drilled no more so. An expected.json in a directory, as role
dr_drill writes it, says which suites are to report there, and how old a verdict may be:
{"stanza": "main", "expects": {"drill": {"max_age_seconds": 108000}, "backup": {}}}

Exit status: 0 every expected step ran and passed; 1 the backups, or the restore
made from them, are at fault; 2 the environment kept it from a verdict.
`

// parse reads the command line. flag.ErrHelp means that the help was asked for
// and printed to out.
func parse(args []string, out io.Writer) (options, error) {
	var o options
	var name string
	set := o.flagSet(&name)
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			_, _ = io.WriteString(out, usage)
			set.SetOutput(out)
			set.PrintDefaults()
			_, _ = io.WriteString(out, examples)
			return o, err
		}
		return o, errors.New(suite.FlagError(set, err))
	}
	if o.command = set.Args(); o.reap && o.kept && !slices.Contains(args, "--") {
		o.command, o.names = nil, set.Args()
	}
	return o, o.validate(name, args)
}

// flagSet are the flags of testprom, to be parsed into o and the suite's name.
func (o *options) flagSet(name *string) *flag.FlagSet {
	set := flag.NewFlagSet("testprom", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(name, "suite", "drill", "the expected `SUITE`: drill, backup or control")
	set.StringVar(&o.textfile, "textfile", "", "write the metrics to `FILE`, for node_exporter's textfile collector")
	set.StringVar(&o.report, "report", "", "write the verdict as JSON to `FILE`")
	set.StringVar(&o.history, "history", "", "append the verdict as one JSON line to `FILE`")
	set.StringVar(&o.junit, "junit", "", "write the steps as JUnit XML to `FILE`: what was found is a failure, what "+
		"could not be judged an error")
	set.StringVar(&o.stream, "stream", "", "keep the raw event stream in `FILE`")
	set.StringVar(&o.evidence, "evidence", "",
		"add a statement of the run to `DIR`, one envelope and a line of its ledger; the program evidence verifies it")
	set.StringVar(&o.signKey, "sign-key", "", "sign it with the ed25519 key in `FILE`, as evidence key makes it")
	o.copies.flags(set)
	set.DurationVar(&o.limit, "limit", 0,
		"kill COMMAND after `DURATION` (default: its -timeout + 5m); compiling does not count; with -alarm-test, "+
			"what each link of the chain may take (default: 1m to 20m)")
	set.StringVar(&o.as, "as", "", "tell the verdict of a stanza `NAME`: of the stanza's second repository, for one, "+
		"which then has series, history and alerts of its own")
	set.StringVar(&o.slot, "slot", "", "first wait until no other run has the lock `FILE`: the drills of one "+
		"host one after the other")
	set.DurationVar(&o.slotWait, "slot-wait", slotWait, "give up as locked when -slot is not free after `DURATION`")
	set.BoolVar(&o.share, "share", false, "keep the other hosts that drill in the same Incus project from drilling "+
		"the stanza at the same time, and tell them the verdict")
	set.DurationVar(&o.due, "due", 0, "ask them whether the stanza is due: exit status 1 when another host reached a "+
		"verdict less than `DURATION` ago (-textfile then forgets what this host found, and -report tells that "+
		"verdict); nothing is run")
	set.StringVar(&o.forget, "forget-all-but", "", "take the series of all but `STANZAS`, which commas part, out of "+
		"-textfile: of those that have another name now, or are drilled no more; nothing is run")
	set.BoolVar(&o.verbose, "v", false, "say all there is to say: every line of a step, every measurement")
	set.BoolVar(&o.reap, "reap", false, "remove what killed drills left behind, list what -keep left, then exit")
	set.BoolVar(&o.kept, "kept", false, "with -reap: remove what -keep left, all of it or what is named")
	set.StringVar(&o.fleet, "fleet", "", "list what the reports in `DIR` and in its directories, one a stanza, say, "+
		"with what is due; the exit status is the worst; -report writes the list as JSON")
	o.alarm.flags(set)
	set.BoolVar(&o.version, "version", false, "print version, commit, Go and environment, then exit")
	return set
}

// Manual is what the manual page and the completions are made of: the flags, and the text that -h
// prints around them.
func Manual() (head string, set *flag.FlagSet, tail string) {
	return usage, new(options).flagSet(new(string)), examples
}

// validate finds what flag cannot.
func (o *options) validate(name string, args []string) error {
	var known bool
	if o.suite, known = suite.Named(name); !known {
		return fmt.Errorf("-suite %s: there are drill, backup and control", name)
	}
	if o.limit < 0 {
		return fmt.Errorf("-limit %s: must be more than 0", o.limit)
	}
	if o.due < 0 {
		return fmt.Errorf("-due %s: must be more than 0", o.due)
	}
	switch {
	case o.due > 0 && o.share:
		return errors.New("-due runs nothing: -share goes with the run")
	case o.share && len(o.command) == 0:
		return errors.New("-share keeps the other hosts away while COMMAND drills: name it after --")
	case (o.due > 0 || o.share) && o.suite.Name != suite.Drill.Name:
		return fmt.Errorf("-due and -share are of drills: -suite %s is asked of each host", name)
	}
	if o.as != "" && (!stanzaName.MatchString(o.as) || o.as == alarm.Stanza) {
		return fmt.Errorf("-as %q: a name of letters, digits, dots, dashes and underscores, and not %s", o.as,
			alarm.Stanza)
	}
	if o.slotWait <= 0 {
		return fmt.Errorf("-slot-wait %s: must be more than 0", o.slotWait)
	}
	separated := slices.Contains(args, "--")
	switch {
	case len(o.command) > 0 && !separated:
		return fmt.Errorf("%q: put -- before the command", o.command[0])
	case len(o.command) == 0 && separated:
		return errors.New("-- stands alone: name the command after it")
	case o.version && len(o.command) > 0:
		return errors.New("-version runs no command")
	case o.reap && len(o.command) > 0:
		return errors.New("-reap runs no command")
	case o.fleet != "" && (len(o.command) > 0 || o.reap):
		return errors.New("-fleet runs nothing: it reads reports")
	case o.fleet != "" && (o.textfile != "" || o.history != "" || o.junit != "" || o.stream != ""):
		return errors.New("-fleet writes no -textfile, -history, -junit or -stream, only -report")
	case o.fleet != "" && o.evidence != "":
		return errors.New("-fleet adds nothing to -evidence")
	case o.signKey != "" && o.evidence == "":
		return errors.New("-sign-key signs what -evidence DIR adds: give both")
	case o.kept && !o.reap:
		return errors.New("-kept goes with -reap")
	}
	if err := errors.Join(o.alarm.validate(o), o.validateForget(), o.copies.validate(o.evidence)); err != nil {
		return err
	}
	return o.distinct()
}

// within says whether a file lies in a directory; path is absolute, and its directory resolved.
func within(dir, path string) bool {
	if dir == "" {
		return false
	}
	absolute, err := filepath.Abs(dir)
	if resolved, unresolved := filepath.EvalSymlinks(absolute); unresolved == nil {
		absolute = resolved
	}
	return err == nil && filepath.Dir(path) == absolute
}

// distinct refuses two outputs in one file.
func (o *options) distinct() error {
	seen := map[string]string{}
	for _, out := range []struct{ flag, path string }{
		{"-textfile", o.textfile},
		{"-report", o.report},
		{"-history", o.history},
		{"-junit", o.junit},
		{"-stream", o.stream},
	} {
		if out.path == "" {
			continue
		}
		path, err := filepath.Abs(out.path)
		if err != nil {
			return fmt.Errorf("%s %s: %w", out.flag, out.path, err)
		}
		if dir, unresolved := filepath.EvalSymlinks(filepath.Dir(path)); unresolved == nil {
			path = filepath.Join(dir, filepath.Base(path))
		}
		if before := seen[path]; before != "" {
			return fmt.Errorf("%s and %s name the same file %s", before, out.flag, out.path)
		}
		seen[path] = out.flag
		if within(o.evidence, path) {
			return fmt.Errorf("%s %s lies in the directory of -evidence, where a file that the ledger does not "+
				"name is tampering: put it elsewhere", out.flag, out.path)
		}
	}
	if strings.HasSuffix(o.textfile, "/") {
		return fmt.Errorf("-textfile %s: is a directory", o.textfile)
	}
	return nil
}
