//go:build old

package main

import "github.com/hashicorp/memberlist"

// Releases before 0.3 know no labels.
func setLabel(_ *memberlist.Config, _ string) {}
