// Package runbook reads the pages of fixtures/runbooks, so that tests type what they tell an operator to type.
package runbook

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Page is one that has commands.
type Page struct {
	Preamble string // what every shell is told first: the blocks that name no machine
	Sections []Section
}

// Section is one of its numbered sections.
type Section struct {
	Number string
	Blocks []Block
}

// Block is a block of commands, and where it is typed: on=primary.
type Block struct{ Where, Script string }

var (
	heading  = regexp.MustCompile(`^## ([0-9]+)\. `)
	blockTop = regexp.MustCompile("^```sh(?: on=([a-z]+))?$")
)

// Read reads one, by its path. An error is one of the file, or of a page that is not what it should be: commands for a
// machine before the first section, a block that does not end, no section at all.
func Read(path string) (p Page, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	var block *Block // the one that is being read
	for line := range strings.Lines(string(content)) {
		text := strings.TrimSuffix(line, "\n")
		top := blockTop.FindStringSubmatch(text)
		number := heading.FindStringSubmatch(text)
		switch {
		case block != nil && text == "```":
			if err = p.add(*block); err != nil {
				return p, fmt.Errorf("%s: %w", path, err)
			}
			block = nil
		case block != nil:
			block.Script += line
		case top != nil:
			block = &Block{Where: top[1]}
		case number != nil:
			p.Sections = append(p.Sections, Section{Number: number[1]})
		}
	}
	if block != nil || len(p.Sections) == 0 || p.Preamble == "" {
		return p, fmt.Errorf("%s: a block without its end, or no section, or nothing that every shell is told first",
			path)
	}
	return p, nil
}

func (p *Page) add(b Block) error {
	switch last := len(p.Sections) - 1; {
	case b.Where == "":
		p.Preamble += b.Script
	case last < 0:
		return errors.New("commands before the first section")
	default:
		p.Sections[last].Blocks = append(p.Sections[last].Blocks, b)
	}
	return nil
}

// Blocks are those of all sections, in their order.
func (p *Page) Blocks() (all []Block) {
	for _, s := range p.Sections {
		all = append(all, s.Blocks...)
	}
	return all
}

// Play is what ansible-playbook is given beyond the inventory and the vault's password; false where a line of the
// controller is another command.
func Play(script string) (arguments string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(script),
		"ansible-playbook -i inventory --ask-vault-pass postgres_ha.yml")
	return strings.TrimSpace(rest), ok
}
