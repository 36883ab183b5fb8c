package node

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/ini.v1"
)

// Formation is what pg_auto_failover left on a node: XDG_DATA_HOME and XDG_CONFIG_HOME of the user who runs it, below
// which it repeats the whole path of the data directory (its documentation, "pg_autoctl show file").
type Formation struct {
	State   string // the file with the node's state; "" where the node is forgotten
	Monitor string // libpq string; "" where no configuration was found
	Options []string
	Others  []string // the data directories of the other nodes on this machine
}

// Where pg_autoctl keeps its files, below the home directory.
const (
	stateHome  = ".local/share"
	configHome = ".config"
)

// readFormation looks for a node's state and configuration. The configuration is also found where somebody moved it
// aside, next to its place: pg_autoctl.lost-...; the newest goes.
func readFormation(home, dir string) (f Formation, err error) {
	state := filepath.Join(home, stateHome, "pg_autoctl", dir, "pg_autoctl.state")
	if _, err = os.Lstat(state); err == nil {
		f.State = state
	} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return f, err
	}
	f.Others = nodesBeside(filepath.Join(home, stateHome, "pg_autoctl"), dir)
	homes, err := filepath.Glob(filepath.Join(home, configHome, "pg_autoctl*"))
	if err != nil {
		return f, err
	}
	slices.SortFunc(homes, newestFirst)
	for _, place := range homes {
		content, unread := os.ReadFile(filepath.Join(place, dir, "pg_autoctl.cfg"))
		if unread != nil {
			continue
		}
		return f, f.parse(content)
	}
	return f, nil
}

// nodesBeside are the data directories, but for one, of which pg_auto_failover keeps a state below its own directory,
// and that are there. What may not be read tells nothing.
func nodesBeside(states, dir string) (list []string) {
	_ = filepath.WalkDir(states, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "pg_autoctl.state" {
			other := "/" + strings.TrimPrefix(strings.TrimPrefix(filepath.Dir(path), states), "/")
			if other != dir && exists(other, ".") {
				list = append(list, other)
			}
		}
		return nil
	})
	return list
}

// newestFirst orders files by when they changed; the one that is in its place goes before all.
func newestFirst(a, b string) int {
	age := func(name string) int64 {
		info, err := os.Lstat(name)
		if err != nil {
			return 0
		}
		return info.ModTime().UnixNano()
	}
	switch in := "pg_autoctl"; {
	case filepath.Base(a) == in:
		return -1
	case filepath.Base(b) == in:
		return 1
	}
	return cmp.Compare(age(b), age(a))
}

// sslOptions are those of `pg_autoctl create postgres` for how a node was made.
func sslOptions(ssl *ini.Section) []string {
	if ssl.Key("active").String() != "1" {
		return []string{"--no-ssl"}
	}
	options := []string{"--ssl-mode", ssl.Key("sslmode").String()}
	if ssl.Key("self_signed").String() == "1" {
		return append([]string{"--ssl-self-signed"}, options...)
	}
	for _, pair := range [][2]string{
		{"--ssl-ca-file", "ca_file"},
		{"--ssl-crl-file", "crl_file"},
		{"--server-cert", "cert_file"},
		{"--server-key", "key_file"},
	} {
		if value := ssl.Key(pair[1]).String(); value != "" {
			options = append(options, pair[0], value)
		}
	}
	return options
}

// parse reads pg_autoctl.cfg. The password that a monitor's string may hold stays in the file.
func (f *Formation) parse(content []byte) error {
	file, err := ini.LoadSources(ini.LoadOptions{IgnoreInlineComment: true}, content)
	if err != nil {
		return err
	}
	keeper, server := file.Section("pg_autoctl"), file.Section("postgresql")
	f.Monitor = keeper.Key("monitor").String()
	if secret(f.Monitor) {
		f.Monitor = ""
	}
	for _, pair := range [][2]string{
		{"--hostname", keeper.Key("hostname").String()},
		{"--name", keeper.Key("name").String()},
		{"--formation", keeper.Key("formation").String()},
		{"--dbname", server.Key("dbname").String()},
		{"--username", server.Key("username").String()},
		{"--pgport", server.Key("port").String()},
		{"--auth", server.Key("auth_method").String()},
	} {
		if pair[1] != "" {
			f.Options = append(f.Options, pair[0], pair[1])
		}
	}
	switch level := server.Key("hba_level").String(); level {
	case "lan":
		f.Options = append(f.Options, "--pg-hba-lan")
	case "none":
		f.Options = append(f.Options, "--skip-pg-hba")
	}
	f.Options = append(f.Options, sslOptions(file.Section("ssl"))...)
	return nil
}

// secret says whether a libpq string holds a password, or cannot be told not to.
func secret(conninfo string) bool {
	if strings.Contains(strings.ToLower(conninfo), "password") {
		return true
	}
	if !strings.Contains(conninfo, "://") {
		return false
	}
	parsed, err := url.Parse(conninfo)
	if err != nil {
		return strings.Contains(conninfo, "@") // several hosts with ports are no URL to Go
	}
	_, has := parsed.User.Password()
	return has
}

// included is the file of settings that pg_auto_failover writes into a data directory; it is in its backups.
const included = "postgresql-auto-failover.conf"

// Origin is where the cluster was that a data directory is restored of, as far as this machine shows.
type Origin int

// The places of an origin.
const (
	OriginHere      Origin = iota // in the same directory, or nobody knows where
	OriginElsewhere               // in another one, and no server works there
	OriginLives                   // in another one, and a server works there
	OriginRemote                  // on another machine
)

// quiet are the options of a cluster that is started beside the one of now. Its subscriptions would take that one's own
// slots over, and its jobs run a second time.
const quiet = "-c archive_mode=off -c synchronous_standby_names='' -c max_logical_replication_workers=0 " +
	"-c cron.launch_active_jobs=off -c timescaledb.max_background_workers=0"

// Next is what to type with a restored data directory: so that it goes into production, or, beside a cluster that
// lives, so that it does not. Where nobody here knows which of the two is meant, it is both.
func (f Formation) Next(dir, bin string, from Origin) string {
	beside := fmt.Sprintf(`to look at it beside the cluster of now, with PORT a free one: %s/pg_ctl start -D %s `+
		`-o "-p $PORT %s"; take no backup of it into this stanza`, bin, dir, quiet)
	own := f.State != "" || f.Monitor != "" || len(f.Options) > 0
	theirs := !own && len(f.Others) > 0 && exists(dir, included) // what the backup tells of may be another node's
	instead := byService(dir, bin)
	if own || exists(dir, included) {
		instead = f.Adopt(dir, bin)
	}
	switch {
	case from == OriginLives, from == OriginElsewhere && theirs && f.othersLive():
		return beside
	case from == OriginRemote, theirs:
		return "if it takes the place of a cluster that is lost: " + instead + "; or " + beside
	}
	return instead
}

// othersLive says whether a server works in the data directory of another node.
func (f Formation) othersLive() bool {
	return slices.ContainsFunc(f.Others, func(other string) bool {
		process, _ := Lives(other)
		return process != 0
	})
}

// byService is what to type where pg_auto_failover knows nothing of a restored data directory.
func byService(dir, bin string) string {
	byHand := fmt.Sprintf("start it by its service, or by %s/pg_ctl start -D %s, and take a full backup: "+
		"pg_auto_failover knows nothing of it", bin, dir)
	if exists(dir, patroniState) { // it stays in the backups of whoever has left Patroni, too
		return "if Patroni keeps it: patronictl remove, with the scope of Patroni's configuration, while Patroni " +
			"runs on no node: what it remembers of the lost cluster may keep this one from the lead; then start " +
			"Patroni's service here, and once this one is the leader on the other nodes, their data directories " +
			"moved away; if it does not: " + byHand
	}
	return byHand
}

// Adopt is what to type, as the user who runs PostgreSQL, so that pg_auto_failover takes a restored data directory as
// its node. What no file of the node says stands as the variables of the page do.
func (f Formation) Adopt(dir, bin string) string {
	options, monitor := f.Options, f.Monitor
	if len(options) == 0 {
		options = []string{
			`--hostname "$ADDRESS"`, `--name "$NODE"`, `--dbname "$DATABASE"`, "--pg-hba-lan", "--auth trust",
			"--no-ssl",
		}
	}
	if monitor == "" {
		monitor = "postgres://autoctl_node@$MONITOR:5432/pg_auto_failover"
	}
	return fmt.Sprintf("pg_autoctl create postgres --pgdata %s --pgctl %s/pg_ctl %s --monitor %q", dir, bin,
		strings.Join(options, " "), monitor)
}
