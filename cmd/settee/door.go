package main

import (
	"flag"
	"fmt"
	"log/slog"

	"settee/auth/limit"
)

// doorSettings say who may come, and how often.
type doorSettings struct {
	login, write, read         string
	allow, allowWrite, trusted many

	// as check read them
	rates                  limit.Rates
	may, mayWrite, proxies limit.Networks
}

// The defaults. What is counted is an address, often that of a whole office or of a farm of CI machines, a user or a token.
//
//   - 60 passwords or tokens a minute: a farm whose machines all sign in at once; guessing is slow at that.
//   - 6,000 writes a minute: a monorepo of a hundred packages, each tagged twice, every two seconds.
//   - 600,000 reads a minute: an npm ci of 3,000 packages on 200 machines behind one address, at once.
const (
	defaultLogin = "60/1m"
	defaultWrite = "6000/1m"
	defaultRead  = "600000/1m"
)

func (d *doorSettings) flags(fs *flag.FlagSet) {
	fs.StringVar(&d.login, "limit-login", defaultLogin, "`N/PERIOD` of sign-ins and token requests that an address, a user or a token may make, or off; this machine itself is not counted")
	fs.StringVar(&d.write, "limit-write", defaultWrite, "`N/PERIOD` of writes, or off")
	fs.StringVar(&d.read, "limit-read", defaultRead, "`N/PERIOD` of reads, or off")
	fs.Var(&d.allow, "allow", "`CIDR` of addresses that may come at all, on both ports; without it everybody; may be given again, in the environment with spaces between")
	fs.Var(&d.allowWrite, "allow-write", "`CIDR` of addresses that may write; without it who may come; may be given again")
	fs.Var(&d.trusted, "trusted-proxy", "`CIDR` of proxies whose X-Forwarded-For, -Proto, -Host and Forwarded are believed; may be given again")
}

// check reads the flags.
func (d *doorSettings) check() error {
	for name, f := range map[string]struct {
		given string
		into  *limit.Rate
	}{"login": {d.login, &d.rates.Login}, "write": {d.write, &d.rates.Write}, "read": {d.read, &d.rates.Read}} {
		rate, err := limit.ParseRate(f.given)
		if err != nil {
			return fmt.Errorf("--limit-%s %w", name, err)
		}
		*f.into = rate
	}
	for name, f := range map[string]struct {
		given many
		into  *limit.Networks
	}{"allow": {d.allow, &d.may}, "allow-write": {d.allowWrite, &d.mayWrite}, "trusted-proxy": {d.trusted, &d.proxies}} {
		var err error
		if *f.into, err = networksOf(name, f.given); err != nil {
			return err
		}
	}
	return nil
}

// networksOf reads a flag's blocks of addresses.
func networksOf(flag string, given many) (all limit.Networks, err error) {
	for _, s := range given {
		network, err := limit.ParseNetwork(s)
		if err != nil {
			return nil, fmt.Errorf("--%s %q: want an address or a block of them, as 10.0.0.0/8", flag, s)
		}
		all = append(all, network)
	}
	return all, nil
}

// hang makes the door, with the limiter that the accounts use too.
func (d *doorSettings) hang(log *slog.Logger) *limit.Door {
	return &limit.Door{
		Trusted: d.proxies, Allow: d.may, AllowWrite: d.mayWrite,
		Limiter: limit.New(d.rates, nil), Logger: log,
	}
}
