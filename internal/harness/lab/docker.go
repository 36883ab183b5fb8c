package lab

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// Docker lets nothing through this machine that it does not know, and traffic between
// two nodes on one bridge passes there too: they would not reach each other. Docker
// leaves a chain for exceptions.
const (
	dockerChain = "DOCKER-USER"
	ruleTime    = 5 * time.Second
)

func rule(action string) []string {
	return []string{"--wait", "2", action, dockerChain, "-i", bridge, "-o", bridge, "-j", "ACCEPT"}
}

// besideDocker lets the nodes talk to each other on a machine where Docker runs, or ran.
func besideDocker(ctx context.Context) error {
	if !hasDocker(ctx) || iptables(ctx, rule("--check")...) == nil {
		return nil
	}
	if err := iptables(ctx, rule("--insert")...); err != nil {
		return fmt.Errorf("let the nodes of %s talk beside Docker: %w", bridge, err)
	}
	return nil
}

// withoutDocker takes that back, however often it was given.
func withoutDocker(ctx context.Context) error {
	for hasDocker(ctx) && iptables(ctx, rule("--check")...) == nil {
		if err := iptables(ctx, rule("--delete")...); err != nil {
			return fmt.Errorf("remove the rule for %s: %w", bridge, err)
		}
	}
	return nil
}

func hasDocker(ctx context.Context) bool {
	return iptables(ctx, "--wait", "2", "--numeric", "--list", dockerChain) == nil
}

func iptables(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, ruleTime)
	defer cancel()
	said, err := exec.CommandContext(ctx, "iptables", args...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return err // no Docker without it
	}
	if err != nil {
		return fmt.Errorf("iptables %v: %w: %s", args, err, said)
	}
	return nil
}
