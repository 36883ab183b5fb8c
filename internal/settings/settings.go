// Package settings turns flags and DRILL_* variables into one validated value.
//
// Table is the only place that names a setting: the flags, the text of -h and
// the table of drill/README.md are all made from it. A flag wins over its variable, a
// variable over the default, and nothing is ever ignored in silence: a word on
// the command line that belongs to no flag, or a DRILL_ variable that belongs
// to no setting, is an error, because the drill would otherwise prove something
// else than what was asked.
package settings

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/version"
)

// ThisMember is the member of an Incus cluster that this host is.
const ThisMember = "."

// Settings is what one run was asked for. Paths are absolute.
type Settings struct {
	Conf   string // pgbackrest.conf of an existing source; "" is the environment's default source
	Stanza string // "" is the only stanza in the conf
	Repo   int    // repository key, 1 to 256
	// RepoTargetTime is the moment the repository is read as of, in whole seconds; the zero time is now.
	RepoTargetTime time.Time
	Set            string        // SetLatest, SetLatestDiff, or a backup label
	Target         target.Target // the zero Target is the end of the archive
	Seed           int64         // of a random target; 0 is a new one
	State          string        // file of the parts of the window that were drilled; "" is none
	Database       string        // where the smoke query and checks without a database run
	MinUsers       int64         // least rows in users, at least 1
	// MinUsersGiven says that somebody asked for a minimum, be it of 1.
	MinUsersGiven bool
	Checks        string        // file of SQL checks; "" is the users smoke query
	Suggest       string        // file to write suggested checks to, which is not there yet; "" is none
	Deep          []string      // deeper checks to make, of DeepChecks, in their order
	Keep          bool          // leave the sandbox in place
	RTO           time.Duration // budget from the start of the restore to the first answered query
	RPO           time.Duration // budget for the age of the newest moment that came back
	// CheckBudget is what the deeper checks may take together.
	CheckBudget time.Duration
	// GetAsync is how archive-get brings segments to the replay: pgbackrest.GetAuto, GetOn or GetOff.
	GetAsync string
	// RequireReadonly makes a key that may write a finding.
	RequireReadonly bool
	Compare         string        // CompareNone, or what the restored data is compared with
	Standby         string        // libpq string of a standby to compare with, without a password; "" is none
	CompareBudget   time.Duration // for asking both sides
	CompareLag      time.Duration // most that the standby may be behind
	CompareRate     int64         // bytes of the standby that may be read in a second; 0 is no limit
	Primary         string        // libpq string of the production primary, without a password; "" is none
	Image           string        // sandbox image; "" is the environment's own
	Rows            int64         // rows of users in a seeded source
	Install         bool          // packages the image lacks may be fetched
	Memory          int64         // limit of the sandbox, in bytes
	CPUs            int64         // limit of the sandbox; 0 is none
	NodeCPUs        int64         // cores of the node of a real restore; 0 is not known
	NodeMemory      int64         // its memory, in bytes; 0 is not known
	Disk            int64         // limit of the sandbox's root disk, in bytes; 0 is by need
	Reserve         int64         // percent of where the sandbox lies that must stay free
	Remote          string        // Incus remote; "" is the daemon of this machine
	Project         string        // Incus project
	Member          string        // of an Incus cluster, @GROUP of members, or ThisMember

	// The backup checks alone, but for the age of a backup.
	Policy      policy.Policy // what the backups are held against
	Claims      []string      // to ask, of Claims, in their order; nil is all that the repository can be asked
	VerifyCycle time.Duration // in which integrity reads all of the repository, a share a day; 0 is all of it at once
	Write       bool          // the rpo claim may write one row through Primary
	FullAge     time.Duration // oldest the newest full backup may be
	BackupAge   time.Duration // oldest the newest full or differential backup may be
	// BackupAgeGiven says that somebody chose BackupAge.
	BackupAgeGiven bool
}

// Pending holds settings that were registered and not validated yet, so that
// the preflight step can report a bad one under its own reason.
type Pending struct {
	fs      *flag.FlagSet
	earnest bool // of a real restore
	values  map[string]*text
	version bool
}

// text is a flag value that accepts anything.
type text struct {
	value string
	given bool
	bool  bool
}

func (v *text) String() string     { return v.value }
func (v *text) IsBoolFlag() bool   { return v.bool }
func (v *text) Set(s string) error { v.value, v.given = s, true; return nil }

// Register adds a flag for every setting, and the text of -h, to fs. Call it
// before fs is parsed.
func Register(fs *flag.FlagSet) *Pending {
	p := register(fs, false)
	fs.Usage = func() { fmt.Fprint(fs.Output(), Usage()) }
	return p
}

// RegisterReal adds a flag for every setting that makes sense for a real restore. The others keep their
// defaults: a drill's variables may stand in the environment, and those that a real restore does not
// know say nothing to it.
func RegisterReal(fs *flag.FlagSet) *Pending { return register(fs, true) }

func register(fs *flag.FlagSet, earnest bool) *Pending {
	p := &Pending{fs: fs, earnest: earnest, values: make(map[string]*text, len(Table))}
	for _, s := range Table {
		v := &text{bool: s.Bool}
		p.values[s.Flag] = v
		if !earnest || !s.Rehearsal {
			fs.Var(v, s.Flag, s.Meaning)
		}
	}
	fs.BoolVar(&p.version, "version", false, "print version, commit, Go and environment, then exit")
	return p
}

// Version says whether -version was given, and prints its line when it was. The program then ends
// without a test: testprom takes that for no verdict.
func (p *Pending) Version(out io.Writer, program string) bool {
	if p.version {
		version.Print(out, program)
	}
	return p.version
}

// Load validates every setting against the parsed flags and environ, a list as
// of os.Environ. Its error carries reason.ConfigInvalid, and names all that is
// wrong, not just the first.
func (p *Pending) Load(environ []string) (Settings, error) {
	vars := variables(environ)
	problems := []error{p.strayWords(), unknown(vars), contradiction(vars)}
	if p.earnest {
		vars = withoutRehearsal(vars)
	}
	s := Settings{Policy: policy.Mission()}
	given := map[string]bool{}
	for _, setting := range Table {
		problems = append(problems, p.load(setting, vars, &s))
		given[setting.Flag] = p.given(setting, vars)
	}
	s.MinUsersGiven, s.BackupAgeGiven = given["min-users"], given["backup-age"]
	if s.Policy.File != "" && !given["full-age"] {
		s.FullAge = s.Policy.Schedule.FullAge()
	}
	if s.Policy.File != "" && !given["backup-age"] {
		s.BackupAge = s.Policy.Schedule.BackupAge()
	}
	if join(problems) == nil && s.Write && s.Primary == "" {
		problems = append(problems, errors.New(
			"-write allows one row to be written through -primary, and there is no -primary: give both or neither",
		))
	}
	if join(problems) == nil && s.VerifyCycle > 0 && s.State == "" {
		problems = append(problems, errors.New(
			"-verify-cycle has to remember what was read when, and there is no -state: name a file",
		))
	}
	if s.Standby != "" && (s.Compare == CompareNone || s.Compare == CompareSets) {
		problems = append(problems, fmt.Errorf(
			"-standby names a standby to compare with, and -compare is %s: give `-compare standby` with it, or leave "+
				"-standby out", s.Compare))
	}
	if p.earnest && s.Target.IsChoice() {
		problems = append(problems, errors.New(
			"-target: a real restore stops where somebody says: at a time:, an lsn: or a name: of your own",
		))
	}
	if err := join(problems); err != nil {
		return Settings{}, reason.Errorf(reason.ConfigInvalid, "%w", err)
	}
	return s, nil
}

// load finds where one setting's value comes from and stores it in s.
func (p *Pending) load(setting Setting, vars map[string]string, s *Settings) error {
	value, origin := setting.Default, "default of -"+setting.Flag
	for _, name := range setting.Variables {
		if v, ok := vars[name]; ok {
			value, origin = v, name
		}
	}
	if v := p.values[setting.Flag]; v.given {
		value, origin = v.value, "-"+setting.Flag
	}
	if value == "" && strings.HasPrefix(origin, "default") {
		return nil
	}
	if value == "" {
		return fmt.Errorf("%s is set but empty: give it a value or leave it out", origin)
	}
	if err := setting.set(s, value); err != nil {
		if setting.Secret {
			return fmt.Errorf("%s: %w", origin, err)
		}
		return fmt.Errorf("%s=%s: %w", origin, shown(value), err)
	}
	return nil
}

// given says whether a setting has a value of the user's own.
func (p *Pending) given(setting Setting, vars map[string]string) bool {
	return p.values[setting.Flag].given || slices.ContainsFunc(setting.Variables, func(name string) bool {
		_, set := vars[name]
		return set
	})
}

// strayWords refuses words the flag package stopped at: it ignores every flag
// after them. They are not shown, since one may be the tail of a secret.
func (p *Pending) strayWords() error {
	if n := p.fs.NArg(); n > 0 {
		return fmt.Errorf(
			"the command line holds %[1]d word(s) from the first one on that belongs to no flag, "+
				"and all of them would be ignored: quote a value with spaces, and write -%[2]s=true, not -%[2]s true",
			n, p.example())
	}
	return nil
}

// example is a flag that needs no value.
func (p *Pending) example() string {
	if p.earnest {
		return "yes"
	}
	return "keep"
}

// withoutRehearsal leaves out the variables of what a real restore does not know.
func withoutRehearsal(vars map[string]string) map[string]string {
	for _, s := range Table {
		for _, name := range s.Variables {
			if s.Rehearsal {
				delete(vars, name)
			}
		}
	}
	return vars
}

func variables(environ []string) map[string]string {
	vars := make(map[string]string)
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if ok && (strings.HasPrefix(name, prefix) || name == minUsersVariable) {
			vars[name] = value
		}
	}
	return vars
}

func unknown(vars map[string]string) error {
	known := slices.Clone(otherVariables)
	for _, s := range Table {
		known = append(known, s.Variables...)
	}
	var names []string
	for name := range vars {
		if !slices.Contains(known, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	sort.Strings(names)
	return fmt.Errorf("%s: no setting has that name; unset it, or see -h for the names there are",
		strings.Join(names, ", "))
}

// contradiction finds a setting whose variables say different things.
func contradiction(vars map[string]string) error {
	for _, s := range Table {
		for i, name := range s.Variables {
			for _, other := range s.Variables[i+1:] {
				a, aSet := vars[name]
				b, bSet := vars[other]
				if aSet && bSet && a != b {
					return fmt.Errorf("%s=%s and %s=%s contradict each other: unset one of them", name, shown(a), other,
						shown(b))
				}
			}
		}
	}
	return nil
}

// join is errors.Join on one line; a lone error stays as it is.
func join(problems []error) error {
	var all error
	for _, err := range problems {
		switch {
		case err == nil:
		case all == nil:
			all = err
		default:
			all = fmt.Errorf("%w; %w", all, err)
		}
	}
	return all
}

// shown quotes a value for a message, cut to a readable length.
func shown(value string) string {
	const most = 200
	if len(value) > most {
		return fmt.Sprintf("%q...", value[:most])
	}
	return fmt.Sprintf("%q", value)
}

// errNotPositive is what a count or a duration that proves nothing is told.
var errNotPositive = errors.New("must be more than 0")
