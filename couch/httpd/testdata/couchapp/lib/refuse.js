// An update function refuses by a document that the validation refuses in turn.
module.exports = function (reason) {
  return [{ _id: ".error.", forbidden: reason }, { json: { error: reason } }];
};
