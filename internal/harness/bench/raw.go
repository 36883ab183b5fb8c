package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/wait"
)

// limit bounds one measurement: a machine that needs longer has no figures to give.
const limit = 30 * time.Minute

// byHand is a sandbox in which somebody types commands.
type byHand struct {
	parsed *pgbackrest.Config // of its conf
	box    sandbox.Sandbox
	server postgres.Installation
	conf   string
	way    Replay
}

// rawCommands is what a person would type, timed: restore, start, wait for the end of
// recovery, the smoke query, stop. Making and removing the directory is not counted.
func rawCommands(ctx context.Context, provider sandbox.Provider, site *Site, row Row) (m Measurement, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s took more than %s", row, limit))
	defer cancel()
	h := &byHand{way: row.Replay}
	defer func() {
		if h.box != nil {
			err = errors.Join(err, h.box.Destroy(context.WithoutCancel(ctx)))
		}
	}()
	if err = h.prepare(ctx, provider, site, row.RoundTrip); err != nil {
		return m, err
	}
	start := time.Now()
	if _, err = h.run(ctx, "pgbackrest", "--config="+h.conf, "--stanza="+stanza,
		"--pg1-path="+h.box.Dir("data"), "--archive-mode=off", "restore"); err != nil {
		return m, err
	}
	restored := time.Now()
	if err = h.recover(ctx); err != nil {
		log, _ := h.box.Read(ctx, h.log()) // there may be none yet
		return m, fmt.Errorf("%w\n%s", err, log)
	}
	answered := time.Now()
	if err = h.smoke(ctx); err != nil {
		return m, err
	}
	if _, err = h.run(ctx, h.server.Program("pg_ctl"), "stop", "-s", "-m", "immediate",
		"-D", h.box.Dir("data")); err != nil {
		return m, err
	}
	m.Seconds = time.Since(start).Seconds()
	m.Restore, m.Replay = restored.Sub(start).Seconds(), answered.Sub(restored).Seconds()
	log, err := h.box.Read(ctx, h.log())
	m.Redo = redo(string(log))
	return m, err
}

func (h *byHand) log() string { return h.box.Dir("log") + "/pg.log" }

// prepare makes the directory and puts the conf there, with what the way of replay adds.
func (h *byHand) prepare(ctx context.Context, provider sandbox.Provider, site *Site, roundTrip time.Duration) error {
	path, err := site.Conf(ctx, roundTrip)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	parsed, err := pgbackrest.ParseConfig(path, content)
	if err != nil {
		return err
	}
	h.parsed = parsed
	store, _ := parsed.Repo(stanza, 1).Address()
	h.box, err = provider.Launch(ctx, sandbox.Spec{
		Stanza: stanza + "-raw", Run: "bench", Major: site.Major, Need: 2 * site.DatabaseBytes,
		Stores: []sandbox.Address{{Host: store.Host, Port: store.Port}},
	})
	if err != nil {
		return err
	}
	if late, ok := h.box.(sandbox.Waiter); ok {
		if err = late.Ready(ctx); err != nil {
			return err
		}
	}
	ca := h.box.Dir("etc") + "/ca.crt"
	h.conf = h.box.Dir("etc") + "/pgbackrest.conf"
	text := string(content)
	for option, value := range map[string]string{
		"repo1-storage-ca-file": ca, "lock-path": h.box.Dir("lock"), "spool-path": h.box.Dir("spool"),
	} {
		text = regexp.MustCompile(`(?m)^`+option+`=.*$`).ReplaceAllLiteralString(text, option+"="+value)
	}
	h.server, err = postgres.Find(ctx, h.box, site.Major)
	return errors.Join(err, h.box.Put(ctx, ca, site.store.CA, 0o644, ""),
		h.box.Put(ctx, h.conf, []byte(text), 0o640, ""))
}

// recover starts the server and waits until it answers outside of recovery.
func (h *byHand) recover(ctx context.Context) error {
	settings := []string{
		"listen_addresses=", "archive_mode=off", "hot_standby=off", "unix_socket_directories=" + h.box.Dir("run"),
	}
	if h.way.Tuned {
		settings = append(settings, postgres.ReplaySettings(ctx, h.box, h.server)...)
	}
	env, err := h.getting(ctx)
	if err != nil {
		return err
	}
	_, err = h.box.Run(ctx, host.Command{Env: env, Argv: []string{
		h.server.Program("pg_ctl"), "start", "-s", "-w", "-t", strconv.Itoa(int(limit.Seconds())),
		"-D", h.box.Dir("data"), "-l", h.log(), "-o", "-c " + strings.Join(settings, " -c "),
	}})
	if err != nil {
		return err
	}
	return wait.For(ctx, "the end of recovery", 50*time.Millisecond, func(ctx context.Context) error {
		_, notYet := h.ask(ctx, "SELECT 1/(NOT pg_is_in_recovery())::int")
		return notYet
	})
}

// smoke is the question whether anything came back.
func (h *byHand) smoke(ctx context.Context) error {
	count, err := h.ask(ctx, "SELECT count(*) FROM users")
	if err == nil && (count == "" || count == "0") {
		err = errors.New("no user came back")
	}
	return err
}

func (h *byHand) ask(ctx context.Context, query string) (string, error) {
	return h.run(ctx, h.server.Program("psql"), "-qAtX", "-h", h.box.Dir("run"), "-d", "postgres", "-c", query)
}

func (h *byHand) run(ctx context.Context, argv ...string) (string, error) {
	result, err := h.box.Run(ctx, host.Command{Argv: argv})
	return strings.TrimSpace(string(result.Stdout)), err
}

var redoDone = regexp.MustCompile(`redo done at .* elapsed: ([\d.]+) s`)

// redo is how long the server's log says that replay took, 0 when it does not.
func redo(log string) float64 {
	match := redoDone.FindStringSubmatch(log)
	if match == nil {
		return 0
	}
	seconds, _ := strconv.ParseFloat(match[1], 64) // digits and dots
	return seconds
}
