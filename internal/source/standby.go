package source

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"
)

// standbyPort names the socket of the standby, beside that of its primary.
const standbyPort = port + 1

func (s *Seeded) standbyData() string { return path.Join(s.Machine.Dir("data"), "standby") }

// Follow makes a streaming standby of the cluster, on the same machine. It ends with the machine.
func (s *Seeded) Follow(ctx context.Context) error {
	if _, err := s.run(ctx, path.Join(s.BinDir, "pg_basebackup"), "--pgdata="+s.standbyData(), "--write-recovery-conf",
		"--checkpoint=fast", "--wal-method=stream", "--no-sync", "--host="+s.Machine.Dir("run"),
		fmt.Sprintf("--port=%d", port), "--username="+superuser); err != nil {
		return fmt.Errorf("copy the cluster for a standby: %w", err)
	}
	return s.StartStandby(ctx)
}

// StartStandby starts the standby of Follow again after StopStandby.
func (s *Seeded) StartStandby(ctx context.Context) error {
	own := []string{
		"unix_socket_directories=" + s.Machine.Dir("run"), fmt.Sprintf("port=%d", standbyPort), "archive_mode=off",
		"hot_standby=on", "hot_standby_feedback=on",
	}
	var options strings.Builder
	for _, setting := range append(append(own, quick...), s.Settings...) {
		name, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(&options, " -c %s='%s'", name, value)
	}
	log := path.Join(s.Machine.Dir("log"), "standby.log")
	_, err := s.run(ctx, path.Join(s.BinDir, "pg_ctl"), "start", "--silent", "--wait", "--pgdata="+s.standbyData(),
		"--log="+log, "--options="+options.String())
	if err == nil {
		return nil
	}
	said, _ := s.Machine.Read(ctx, log) // it adds to an error that stands
	return fmt.Errorf("start the standby: %w\n%s", err, said)
}

// StopStandby stops the standby at once.
func (s *Seeded) StopStandby(ctx context.Context) error {
	_, err := s.run(ctx, path.Join(s.BinDir, "pg_ctl"), "stop", "--silent", "--wait", "--mode=immediate",
		"--pgdata="+s.standbyData())
	return err
}

// Standby is the way to the standby of Follow.
func (s *Seeded) Standby() (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig("sslmode=disable connect_timeout=10")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.User, config.Database = s.Machine.Dir("run"), standbyPort, superuser, "postgres"
	config.Password, config.Fallbacks, config.RuntimeParams = "", nil, map[string]string{}
	config.DialFunc = s.Machine.Dial
	return config, nil
}
