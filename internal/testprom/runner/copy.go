package runner

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// copyTime bounds the copying of evidence; the next copy goes on where this one stopped.
var copyTime = 5 * time.Minute

// copyOptions say where evidence is copied to.
type copyOptions struct {
	to          string // URL of the bucket
	credentials string // file with its key
}

func (o *copyOptions) flags(set *flag.FlagSet) {
	set.StringVar(&o.to, "evidence-s3", "", "then copy -evidence to the bucket with object lock at `URL`; the program "+
		"evidence does it, as evidence push, and a copy that fails is a warning")
	set.StringVar(&o.credentials, "evidence-s3-credentials", "",
		"`FILE` with the key of that bucket, as AWS has it; not the key that the drill reads backups with")
}

func (o *copyOptions) validate(evidence string) error {
	switch at, err := url.Parse(o.to); {
	case o.to == "" && o.credentials == "":
		return nil
	case o.to == "":
		return errors.New("-evidence-s3-credentials is of a bucket: give -evidence-s3 URL")
	case evidence == "":
		return errors.New("-evidence-s3 copies what -evidence DIR adds: give both")
	case o.credentials == "":
		return errors.New("-evidence-s3-credentials FILE is missing: the key of the bucket")
	case err != nil || at.Scheme != "https" || at.Host == "" || at.User != nil:
		return errors.New("-evidence-s3: write it as https://HOST[:PORT]/BUCKET[/PREFIX], without a key in it")
	}
	return nil
}

// copyEvidence has the program evidence copy the chain, with this run's entry: a client of S3 would be forty packages
// more for everybody who drills. What comes of it changes no verdict.
func (r *run) copyEvidence(res *result) {
	if r.copies.to == "" || res.entry == nil {
		return
	}
	if err := r.push(); err != nil {
		res.warnings = append(res.warnings, fmt.Sprintf("the evidence was not copied to %s: %v", r.copies.to, err))
		return
	}
	res.copied = "copied to " + r.copies.to
}

// push runs `evidence push`; a signal ends it.
func (r *run) push() error {
	program, err := beside("evidence")
	if err != nil {
		return err
	}
	late := fmt.Errorf("it took longer than %s", copyTime)
	ctx, cancel := context.WithTimeoutCause(context.Background(), copyTime, late)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case sig := <-r.signals:
			stop(fmt.Errorf("testprom received the signal %q", sig))
		case <-ctx.Done():
		}
	}()
	cmd := exec.CommandContext(ctx, program, "push", "-to", r.copies.to, "-credentials", r.copies.credentials, "--",
		r.options.evidence)
	var said bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = r.Env, &said, &said, drain
	if err = cmd.Run(); err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if text := strings.TrimSpace(said.String()); err != nil && text != "" {
		return errors.New(strings.ReplaceAll(text, "\n", "; "))
	}
	return err
}

// beside is a program that lies beside this one, as in the packages, or in PATH.
func beside(name string) (string, error) {
	if own, err := os.Executable(); err == nil {
		if path, failed := exec.LookPath(filepath.Join(filepath.Dir(own), name)); failed == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("the program %s lies neither beside testprom nor in PATH", name)
	}
	return path, nil
}
