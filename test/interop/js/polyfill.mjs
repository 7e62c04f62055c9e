// Promise.withResolvers, which the libraries use and Node 20 lacks.
Promise.withResolvers ??= function () {
    const out = {};
    out.promise = new this((resolve, reject) => Object.assign(out, {resolve, reject}));
    return out;
};
