// Setup makes what docker-compose.yml needs and no repository may have: random
// passwords in .env, and in .compose/ the people and programs that may enter. It adds
// what is missing, says what it added, and leaves what is there.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

type commandLine struct {
	Folder string    `default:"." placeholder:"DIR" help:"The repository's root."`
	Make   makeCmd   `cmd:"" default:"1" help:"Make what is missing, and say how to sign in."`
	Person personCmd `cmd:"" help:"Let a person sign in, with a random password."`
}

func main() {
	var c commandLine
	chosen := kong.Parse(&c, kong.Name("setup"), kong.UsageOnError(),
		kong.Description("Makes .env and .compose/ for docker-compose.yml."), kong.BindTo(os.Stdout, (*io.Writer)(nil)))
	if err := chosen.Run(place{folder: c.Folder}); err != nil {
		fmt.Fprintln(os.Stderr, "setup:", err)
		os.Exit(1)
	}
}

type makeCmd struct{}

func (makeCmd) Run(p place, out io.Writer) error {
	env, added, err := p.fillEnv()
	if err != nil {
		return err
	}
	if len(added) > 0 {
		fmt.Fprintf(out, "%s: added %d values\n", envFile, len(added))
		for _, name := range added {
			fmt.Fprintf(out, "  %s\n", name)
		}
	}
	if err := p.letIn(env); err != nil {
		return err
	}
	first, err := p.firstPeople(env)
	if err != nil {
		return err
	}
	if len(added) == 0 && len(first) == 0 {
		fmt.Fprintf(out, "nothing is missing in %s and %s\n", envFile, accessFolder)
	}
	if len(first) > 0 {
		fmt.Fprintf(out, "%s: these may sign in at %s (their passwords are in %s)\n", peopleFile, publicURL(env), envFile)
		for _, f := range first {
			fmt.Fprintf(out, "  %-22s %s  %s\n", f.Email, f.password, f.may)
		}
	}
	fmt.Fprintln(out, "next: docker compose run --rm demo")
	return nil
}

type personCmd struct {
	Email  string   `arg:"" help:"The e-mail address to sign in with."`
	Groups []string `default:"trace-viewer" help:"What they may do, with commas between: trace-viewer, operator, manager, customer, partner."`
}

func (c personCmd) Run(p place, out io.Writer) error {
	password, err := p.addPerson(c.Email, c.Groups)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s  %s\nnext: docker compose restart dex\n", c.Email, password)
	return nil
}
