package auth

var errSignIn = &Error{Kind: Unauthorized, Reason: "You must be logged in."}

// mayOrg is the rule of may for organisations:
//
//	who                OrgRead   OrgTeams   OrgMembers
//	server admin       may       may        may
//	owner              may       may        may
//	admin              may       may        may, of developers
//	developer          may       403        403, but leave
//	else               403       403        403
//	nobody             401       401        401
func mayOrg(id Identity, act Act, org *Org) error {
	if id.Anonymous() {
		return errSignIn
	}
	role, need := org.RoleOf(id), writes
	if id.Admin() {
		role = RoleOwner
	}
	if act == OrgRead {
		need = reads
	}
	switch limit := id.Token.orgLimit(org.Name); {
	case act == OrgRead && !role.member(), act != OrgRead && role != RoleOwner && role != RoleAdmin:
		return forbidden("You do not have permission to perform this action on the organization " + org.Name + ".")
	case limit < need:
		return id.Token.refusal("the organization " + org.Name)
	}
	return nil
}

// mayChange says whether somebody may give a user a role, RoleNone to put them out.
func mayChange(id Identity, org *Org, user string, to Role) error {
	was := org.members[user].role
	leaves := user == id.Name && to == RoleNone
	if err := mayOrg(id, OrgMembers, org); err != nil {
		if !leaves || id.Token.orgLimit(org.Name) < writes || !org.RoleOf(id).member() {
			return err
		}
	}
	below := func(r Role) bool { return r != RoleOwner && r != RoleAdmin }
	if !id.Admin() && !leaves && org.RoleOf(id) == RoleAdmin && !(below(was) && below(to)) {
		return forbidden("Only an owner of the organization " + org.Name + " may say who its owners and admins are.")
	}
	if was == RoleOwner && to != RoleOwner && org.owners() == 1 {
		return forbidden("The organization " + org.Name + " must keep an owner: make somebody else one first.")
	}
	return nil
}

func (o *Org) owners() (n int) {
	for _, m := range o.members {
		if m.role == RoleOwner {
			n++
		}
	}
	return n
}
