package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"

	"ordertrace/deploy/secrets"
)

// peopleFile lists who can sign in, as Dex's staticPasswords has it. It is edited by
// hand, or by the command person; see deploy/dex/people.example.yaml.
var peopleFile = filepath.Join(accessFolder, "people.yaml")

// person is one of Dex's staticPasswords.
type person struct {
	Email    string   `yaml:"email"`
	Username string   `yaml:"username"`
	UserID   string   `yaml:"userID"` // stays: it names the person in logs and in orders
	Hash     string   `yaml:"hash"`
	Groups   []string `yaml:"groups,flow"`
}

const peopleHeader = `# Who can sign in, and their groups: deploy/dex/people.example.yaml explains them. After
# a change: docker compose restart dex, and proxy too if somebody must be out at once.
`

// first is one of the people who are there from the start.
type first struct {
	person
	password string
	may      string // what they may do
}

// firstPeople makes the file of people unless it is there.
func (p place) firstPeople(env map[string]string) ([]first, error) {
	if _, err := os.Stat(p.path(peopleFile)); !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all := []first{
		{newPerson("viewer@example.org", "trace-viewer"), env["VIEWER_PASSWORD"], "reads traces and orders"},
		{newPerson("operator@example.org", "trace-viewer", "operator"), env["OPERATOR_PASSWORD"], "also acts in the Temporal UI, and at the MES"},
		{newPerson("manager@example.org", "trace-viewer", "manager"), env["MANAGER_PASSWORD"], "reads, and approves orders at the CRM"},
	}
	var people []person
	for i := range all {
		if err := all[i].setPassword(all[i].password); err != nil {
			return nil, err
		}
		people = append(people, all[i].person)
	}
	return all, p.writePeople(peopleHeader, people)
}

func newPerson(email string, groups ...string) person {
	name, _, _ := strings.Cut(email, "@")
	return person{Email: email, Username: name, UserID: "u-" + strings.ToLower(secrets.New()[:8]), Groups: groups}
}

// hashCost is what a guess costs whoever has got hold of the file: some 0.2 s.
var hashCost = 12

func (p *person) setPassword(password string) error {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), hashCost)
	p.Hash = string(hash)
	return err
}

func (p place) writePeople(before string, people []person) error {
	lines, err := yaml.Marshal(people)
	if err != nil {
		return err
	}
	return p.write(peopleFile, before+string(lines), 0o644)
}

var address = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)

var knownGroups = []string{"trace-viewer", "operator", "manager", "customer", "partner"}

// addPerson adds somebody to the file, with a random password, which it returns.
func (p place) addPerson(email string, groups []string) (password string, err error) {
	if !address.MatchString(email) {
		return "", fmt.Errorf("%q is no e-mail address", email)
	}
	for _, g := range groups {
		if !slices.Contains(knownGroups, g) {
			return "", fmt.Errorf("there is no group %q: the groups are %s", g, strings.Join(knownGroups, ", "))
		}
	}
	before, err := os.ReadFile(p.path(peopleFile))
	if err != nil {
		return "", fmt.Errorf("run setup first: %w", err)
	}
	var people []person
	if err := yaml.Unmarshal(before, &people); err != nil {
		return "", fmt.Errorf("%s: %w", peopleFile, err)
	}
	if slices.ContainsFunc(people, func(has person) bool { return strings.EqualFold(has.Email, email) }) {
		return "", fmt.Errorf("%s has %s already: delete their entry to begin anew", peopleFile, email)
	}
	password = secrets.New()
	added := newPerson(email, groups...)
	if err := added.setPassword(password); err != nil {
		return "", err
	}
	return password, p.writePeople(strings.TrimRight(string(before), "\n")+"\n", []person{added})
}
