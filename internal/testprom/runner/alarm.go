package runner

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/alarm"
	"veza.fr/recovery/internal/testprom/whole"
)

// alarmOptions are the flags of testprom -alarm-test.
type alarmOptions struct {
	test                                   bool
	alertmanager, prometheus, nodeExporter string
}

func (a *alarmOptions) flags(set *flag.FlagSet) {
	set.BoolVar(&a.test, "alarm-test", false, "try whether a red drill becomes an alert that is on its way to somebody")
	set.StringVar(&a.alertmanager, "alertmanager", "", "with -alarm-test: `URL` of Alertmanager, without a password")
	set.StringVar(&a.prometheus, "prometheus", "",
		"with -alarm-test: `URL` of Prometheus, which is asked how far it is")
	set.StringVar(&a.nodeExporter, "node-exporter", "",
		"with -alarm-test: `URL` of the node_exporter of this host, which is asked whether it serves the file")
}

// validate finds what does not go together.
func (a *alarmOptions) validate(o *options) error {
	switch {
	case !a.test && (a.alertmanager != "" || a.prometheus != "" || a.nodeExporter != ""):
		return errors.New("-alertmanager, -prometheus and -node-exporter go with -alarm-test")
	case !a.test:
		return nil
	case len(o.command) > 0 || o.reap || o.fleet != "":
		return errors.New("-alarm-test runs no command, and goes with neither -reap nor -fleet")
	case o.report != "" || o.history != "" || o.stream != "":
		return errors.New("-alarm-test writes no -report, -history or -stream, only -textfile")
	case a.alertmanager == "":
		return errors.New("-alarm-test needs -alertmanager URL: who is asked whether the alarm arrived")
	case o.textfile == "":
		return errors.New("-alarm-test needs -textfile FILE: what it found goes there, and the red drill beside it")
	case filepath.Base(o.textfile) == alarm.File:
		return fmt.Errorf("-textfile %s: the red drill has that name; take another, such as veza_backup_alarm.prom",
			o.textfile)
	}
	return nil
}

// alarm is testprom -alarm-test: 0 the alarm arrived and ended, 1 it did not, 2 nobody could be asked.
func (w World) alarm(o options) int {
	request, err := w.alarmRequest(o)
	if err != nil {
		return w.fail(fmt.Errorf("-alarm-test: %w", err))
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go func() {
		select {
		case sig := <-w.Signals:
			cancel(fmt.Errorf("it received the signal %q", sig))
		case <-ctx.Done():
		}
	}()
	err = alarm.Test(ctx, request)
	var broken *alarm.Broken
	if err != nil && !errors.As(err, &broken) {
		return w.fail(fmt.Errorf("-alarm-test: %w", err))
	}
	if failed := w.Textfile.WriteAlarmPath(o.textfile, err == nil, w.Now()); failed != nil {
		return w.fail(fmt.Errorf("-alarm-test: %w", failed))
	}
	if err != nil {
		request.Say("FAILED  the alarm is not heard: %v", err)
		return reason.ExitFailed
	}
	request.Say("PASSED  the alarm arrived, and ended")
	return reason.ExitPass
}

// alarmRequest finds out before anything is written what would keep the result from being written.
func (w World) alarmRequest(o options) (r alarm.Request, err error) {
	var errs [3]error
	r.Alertmanager, errs[0] = alarm.NewServer("-alertmanager", o.alarm.alertmanager)
	r.Prometheus, errs[1] = alarm.NewServer("-prometheus", o.alarm.prometheus)
	r.NodeExporter, errs[2] = alarm.NewServer("-node-exporter", o.alarm.nodeExporter)
	if err = errors.Join(errs[:]...); err != nil {
		return r, err
	}
	if r.Directory, err = filepath.Abs(filepath.Dir(o.textfile)); err != nil {
		return r, err
	}
	if err = whole.Check(o.textfile); err != nil {
		return r, err
	}
	if err = w.Textfile.CheckAlarmPath(o.textfile); err != nil {
		return r, err
	}
	for _, s := range suite.Suites {
		if w.Textfile.Holds(o.textfile, s.Namespace) {
			return r, fmt.Errorf("%s holds what -suite %s found: give the test of the alarm a file of its own",
				o.textfile, s.Name)
		}
	}
	r.Limit, r.Files = o.limit, w.Textfile
	r.Say = func(format string, args ...any) {
		// A terminal that is gone changes nothing.
		_, _ = fmt.Fprintln(w.Stdout, printable(fmt.Sprintf(format, args...)))
	}
	return r, nil
}

// tidyAlarm removes beside the textfile what a test of the alarm left that did not come to its end: no unit of its own
// runs before the next one, and this is one that runs.
func (r *run) tidyAlarm(res *result) {
	dir := filepath.Dir(r.textfile)
	removed, err := alarm.Tidy(dir, r.Now())
	switch {
	case err != nil:
		res.warnings = append(res.warnings, "the red drill of a test of the alarm stays: "+err.Error())
	case removed:
		res.warnings = append(res.warnings, filepath.Join(dir, alarm.File)+" is removed: the test of the alarm that "+
			"wrote it did not come to its end")
	}
}
