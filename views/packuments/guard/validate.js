function (newDoc, oldDoc, userCtx) {
  if (userCtx.roles.indexOf('_admin') < 0) {
    throw {forbidden: 'Only server admins write packuments here: publish with npm.'};
  }
}
