package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/joho/godotenv"
)

// accessFile is where `make up` writes how its stack is reached; accessVariable
// names another such file.
const (
	accessFile     = ".local/access.env"
	accessVariable = "ORDERTRACE_ACCESS"
)

// loadAccess adds the file's variables to the environment. What the environment
// has already comes first.
func loadAccess() error {
	named := os.Getenv(accessVariable)
	name := cmp.Or(named, accessFile)
	err := godotenv.Load(name)
	var path *fs.PathError
	switch {
	case err == nil, named == "" && errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.As(err, &path):
		return hinted(err, "`make up` writes the file for whoever runs it; %s names another", accessVariable)
	default: // its words quote the file, secrets and all
		return hinted(fmt.Errorf("%s has lines that are not NAME=value", name), "`make up` writes the file anew")
	}
}

// apiToken is what the starter shows the systems. It is no flag either.
func apiToken() string { return os.Getenv("API_TOKEN") }
